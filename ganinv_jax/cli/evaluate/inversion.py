"""Invert real and generated pictures by several methods, and set the methods beside one another.

A method with options is a column of its own: --methods projector,projector:space=w+,lipton:clipping=none. With --task
the methods see only a part of the pictures; they are judged by all of them, with nothing pasted.

Distortion (PSNR, SSIM, feature distance), perception (kernel distance of the inversions from the photos), editability
(whether an edit does to an inverted code what it does to a generator's own), seconds a picture and memory; of generated
pictures also how near the found code is to the true one. The plot shows the trade-off. Figures are computed through
networks that no method optimises but Lite0, which most look through.
"""

import argparse
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ganinv_jax.cli import common
from ganinv_jax.cli.invert import option
from ganinv_jax.core.errors import InputError

DIRECTIONS = 3  # that editability is measured along, one standard deviation of W either way
SAMPLES, FIRST_SAMPLE = 32, 1000  # generated pictures that show what an edit does, and the first one's seed
BATCH = 8
WHOLE = "inversion"  # the task that leaves all to be seen
Variant = tuple[str, dict[str, Any]]  # a method and its options
MEAN_SAMPLES = 10_000  # that the average w is taken of, as StyleGAN2's projector does


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--num", type=common.count, default=16, metavar="N", help="real pictures (default: 16)")
    parser.add_argument("--generated", type=common.some, default=16, metavar="N", help="generated ones (default: 16)")
    parser.add_argument(
        "--methods",
        default="all",
        metavar="LIST",
        help="as `ganinv invert` names them, each with options as projector:space=w+:start=best (default: all)",
    )
    parser.add_argument("--task", default=WHOLE, metavar="NAME", help="as `ganinv invert` takes it")
    add_shared(parser)


def add_shared(parser: argparse.ArgumentParser) -> None:
    """What all comparisons of inversions take."""
    parser.add_argument(
        "--task-option",
        action="append",
        default=[],
        type=option,
        metavar="NAME=VALUE",
        help="of the task, such as hole=center; may be repeated",
    )
    parser.add_argument("--steps-share", type=common.number, default=1.0, metavar="F", help="of the official steps")
    parser.add_argument("--batch", type=common.some, default=BATCH, metavar="N", help="pictures at once (default: 8)")


def run(args: argparse.Namespace, job: Any) -> Any:
    return compare(job, "evaluate inversion", _variants(args.methods, job.model), args)


def compare(job: Any, command: str, variants: Mapping[str, Variant], args: argparse.Namespace, **asked: Any) -> Any:
    """The report on methods, or on one method with different options: (method, options) by the column's name.

    args: what `add_arguments` adds, but for the methods.
    """
    import numpy as np

    from ganinv_jax.core.images import grid
    from ganinv_jax.evaluation import inversion
    from ganinv_jax.evaluation.memory import Memory
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.pipelines.searches import sample_w

    task = Task(args.task, dict(args.task_option))
    steps = {name: steps_of(variant, task, args.steps_share) for name, variant in variants.items()}
    model = job.model
    known, average = _known(model, args.generated), sample_w(model, MEAN_SAMPLES).mean(axis=0)
    real = real_pictures(job)
    edits = _edits(model, job.networks)
    asked |= {"generated": args.generated, "variants": list(variants), "task": task.name}
    asked |= {"task_options": task.told}
    pieces = job.pieces(**asked, steps_share=args.steps_share, batch=args.batch)
    columns, shown = {}, {"photo": np.stack([photo for _, photo in real])}
    pictures: dict[str, dict[str, Any]] = {name: {"name": name} for name, _ in real}
    for index, (name, variant) in enumerate(variants.items()):
        invert, own = inverter(model, variant, task, steps[name], Memory()), pieces.within(f"{index:02d}")
        with job.bar(len(real) + len(known.images), f"pictures by {name}") as done:
            found = inversion.score_method(invert, real, known, average, edits, job.networks, own, args.batch, done)
        columns[name] = {"steps": steps[name] or 0, **found.figures}
        if found.seen is not None and task.name != WHOLE:
            shown.setdefault("seen", found.seen)
        shown[name] = found.images
        for entry in found.each:
            pictures[entry.pop("name")][name] = entry
    rows = np.stack(list(shown.values()), axis=1)
    sheet = grid(rows.reshape(-1, *rows.shape[2:]), columns=len(shown))
    notes = [f"On the sheet: {', '.join(shown)}."]
    plots = inversion.tradeoff(columns, job.networks)
    return Report(command, job.asked, columns, list(pictures.values()), notes, sheet, plots)


class Task(NamedTuple):
    """What is left to be seen of pictures: a name and options, as `ganinv invert` takes them."""

    name: str
    options: dict[str, Any]

    @property
    def told(self) -> dict[str, str]:
        """The options, as a report tells them."""
        return {name: str(value) for name, value in self.options.items()}


def written(text: str, argument: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Names and options out of a list such as 'projector,projector:space=w+:start=best', by what was written."""
    found = {}
    for part in text.split(","):
        name, *options = part.strip().split(":")
        try:
            found[part.strip()] = (name, dict(option(each) for each in options))
        except argparse.ArgumentTypeError as error:
            raise InputError(f"An option in {argument} {error}.") from error
    return found


def real_pictures(job: Any) -> list[tuple[str, Any]]:
    """Names and squares. Raises InputError where two go by one name."""
    from ganinv_jax.evaluation.results import check_names, photo_at

    real = [photo_at(job.source, index, job.model.config.resolution) for index in range(job.num)]
    check_names(name for name, _ in real)
    return real


def steps_of(variant: Variant, task: Task, share: float) -> int | None:
    """As a share of the official ones; None for a method that does not optimise. Raises InputError for bad options."""
    from ganinv_jax.pipelines.request import configuration

    if share <= 0:
        raise InputError(f"--steps-share must be above 0, but it is {share}.")
    stages = configuration(variant[0], task.name, variant[1] | task.options)[0].stages
    return max(len(stages), round(share * sum(stage.steps for stage in stages))) or None


def inverter(model: Any, variant: Variant, task: Task, steps: int | None, memory: Any = None) -> Callable[[Any], Any]:
    """From pictures to what a method makes of them. memory: a `Memory` to measure it by."""
    import numpy as np

    from ganinv_jax.evaluation.inversion import Inverted

    method, options = variant

    def invert(photos: Any) -> Inverted:
        with memory.watched() if memory else contextlib.nullcontext():
            found = model.invert(photos, method, task.name, steps=steps, **(options | task.options))
        told = found.report["pictures"]
        parts = [key for key in told[0] if key.startswith("psnr_")]
        return Inverted(
            found.images,
            found.ws,
            lambda offset: model.edit(found, offset, 1.0),
            found.seconds,
            found.state.seen,
            {key: np.array([entry[key] for entry in told]) for key in parts},
            found.variables.get("z"),
            memory.bytes if memory else 0,
        )

    return invert


def _variants(text: str, model: Any) -> dict[str, Variant]:
    """The methods of a list with their options, by what was written, or all that the model can serve."""
    from ganinv_jax.inversion import METHODS
    from ganinv_jax.pipelines.networks import can_serve

    if text == "all":
        return {name: (name, {}) for name, make in METHODS.items() if can_serve(model, make())}
    return written(text, "--methods")


def _known(model: Any, count: int) -> Any:
    """Pictures of the first seeds, their codes and latents."""
    import numpy as np

    from ganinv_jax.core.rng import seed_z
    from ganinv_jax.evaluation.inversion import Known

    z = seed_z(range(count), model.config.z_dim)
    return Known(model.generate(range(count)), np.asarray(model.map(z)), z)


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
