"""Invert real and generated pictures by several methods, and set the methods beside one another.

Distortion (PSNR, SSIM, feature distance), perception (kernel distance of the inversions from the photos), editability
(whether an edit does to an inverted code what it does to a generator's own) and seconds a picture; of generated
pictures also how near the found code is to the true one. The plot shows the trade-off. Figures are of un-composited
pictures, through networks that no method optimises but Lite0, which most look through.
"""

import argparse
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

DIRECTIONS = 3  # that editability is measured along, one standard deviation of W either way
SAMPLES, FIRST_SAMPLE = 32, 1000  # generated pictures that show what an edit does, and the first one's seed
BATCH = 8
MEAN_SAMPLES = 10_000  # that the average w is taken of, as StyleGAN2's projector does


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num", type=common.count, default=16, metavar="N", help="real pictures (default: 16)")
    parser.add_argument("--generated", type=common.some, default=16, metavar="N", help="generated ones (default: 16)")
    parser.add_argument("--methods", default="all", metavar="LIST", help="as `ganinv invert` names them (default: all)")
    parser.add_argument("--steps-share", type=common.number, default=1.0, metavar="F", help="of the official steps")
    parser.add_argument("--batch", type=common.some, default=BATCH, metavar="N", help="pictures at once (default: 8)")


def run(args: argparse.Namespace, job: Any) -> Any:
    variants = {name: (name, {}) for name in _methods(args.methods, job.model)}
    return compare(job, "evaluate inversion", variants, args.steps_share, args.generated, args.batch)


def compare(
    job: Any,
    command: str,
    variants: dict[str, tuple[str, dict[str, Any]]],
    share: float,
    generated: int,
    batch: int,
    **asked: Any,
) -> Any:
    """The report on methods, or on one method with different options: (method, options) by the column's name."""
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation import inversion
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import check_names, photo_at
    from ganinv_jax.pipelines.searches import sample_w

    steps = {name: _steps(*variant, share) for name, variant in variants.items()}
    model = job.model
    known, average = _known(model, generated), sample_w(model, MEAN_SAMPLES).mean(axis=0)
    real = [photo_at(job.source, index, model.config.resolution) for index in range(job.num)]
    check_names(name for name, _ in real)
    edits = _edits(model, job.networks)
    pieces = job.pieces(**asked, generated=generated, variants=list(variants), steps_share=share, batch=batch)
    columns, rows = {}, [[photo for _, photo in real]]
    pictures: dict[str, dict[str, Any]] = {name: {"name": name} for name, _ in real}
    for name, (method, options) in variants.items():
        with job.bar(len(real) + len(known.images), f"pictures by {name}") as done:
            invert, own = _inverter(model, method, steps[name], options), pieces.within(name)
            found = inversion.score_method(invert, real, known, average, edits, job.networks, own, batch, done)
        columns[name] = {"steps": steps[name] or 0, **found.figures}
        rows.append(list(found.images))
        for entry in found.each:
            pictures[entry.pop("name")][name] = entry
    sheet = grid(np.concatenate([np.stack(row) for row in zip(*rows, strict=True)]), columns=len(rows))
    notes = [f"On the sheet: the photo, then {', '.join(columns)}."]
    plots = inversion.tradeoff(columns, job.networks)
    return Report(command, job.asked, columns, list(pictures.values()), notes, sheet, plots)


def _methods(names: str, model: Any) -> list[str]:
    """The methods of a list, or all that the model can serve."""
    from ganinv_jax.core.configs import unknown_key
    from ganinv_jax.inversion import METHODS

    if names == "all":
        return [name for name, method in METHODS.items() if "encoder" in model.parts or not method().needs_encoder]
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in METHODS:
            raise unknown_key(name, METHODS, "--methods")
    return list(dict.fromkeys(chosen))


def _steps(method: str, options: dict[str, Any], share: float) -> int | None:
    """As a share of the official ones; None for a method that does not optimise."""
    from ganinv_jax.inversion import METHODS

    if share <= 0:
        raise InputError(f"--steps-share must be above 0, but it is {share}.")
    stages = METHODS[method](**options).stages
    return max(len(stages), round(share * sum(stage.steps for stage in stages))) or None


def _known(model: Any, count: int) -> Any:
    """Pictures of the first seeds, and their codes."""
    import numpy as np

    from ganinv_jax.core.rng import seed_z
    from ganinv_jax.evaluation.inversion import Known

    ws = np.asarray(model.map(seed_z(range(count), model.config.z_dim)))
    return Known(model.generate(range(count)), ws)


def _edits(model: Any, networks: Any) -> Any:
    """Steps of one standard deviation either way, along the model's own directions or, without any, SeFa's."""
    import numpy as np

    from ganinv_jax.core.rng import seed_z
    from ganinv_jax.editing import at_rows
    from ganinv_jax.evaluation.inversion import edits_of
    from ganinv_jax.pipelines.directions import find_directions
    from ganinv_jax.pipelines.pictures import draw
    from ganinv_jax.pipelines.searches import Search

    own = list(model.directions.values())
    directions = own or find_directions(model, Search("sefa", count=DIRECTIONS)).directions
    size = model.config.num_ws, model.config.w_dim
    steps = [at_rows(direction, *size) for direction in directions[:DIRECTIONS]]
    offsets = [sign * step for step in steps for sign in (-1, 1)]
    ws = np.asarray(model.map(seed_z(range(FIRST_SAMPLE, FIRST_SAMPLE + SAMPLES), model.config.z_dim)))
    return edits_of(lambda offset: draw(model, ws + offset), offsets, networks)


def _inverter(model: Any, method: str, steps: int | None, options: dict[str, Any]) -> Any:
    from ganinv_jax.evaluation.inversion import Inverted

    def invert(photos: Any) -> Inverted:
        found = model.invert(photos, method, steps=steps, **options)
        return Inverted(found.images, found.ws, lambda offset: model.edit(found, offset, 1.0), found.seconds)

    return invert
