"""How well holes are filled: what is kept of the known pixels, how near the rest comes, how much fillings differ.

A case is scored from its photo, its hole and its completions alone, so that anybody's completions can be scored.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.images import ERASED, to_float, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import HOLE_PRESETS, hole_batch
from ganinv_jax.evaluation.pieces import Piece, Pieces, as_text, from_text
from ganinv_jax.evaluation.plots import Scatter
from ganinv_jax.evaluation.results import Case, check_names
from ganinv_jax.evaluation.sets import Networks, compare_sets, distance_name, features_of
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import l1, pairwise_distances, perceptual, psnr, ssim
from ganinv_jax.models.inpainting import Completion, Inpainter, erase

Pictures = UInt8[np.ndarray, "k r r 3"]
Drawn = Mapping[str, Pictures]
"""A case's completions by column: 'drawn', and others such as 'without skip encoder'."""

DRAWN, COMPOSITED, WITHOUT_SKIP = "drawn", "composited", "without skip encoder"
UNSEEN_SEEDS = range(1_000_000, 1_000_256)  # of generated pictures whose codes are known
AT_A_TIME = 16


def score_cases(
    case_at: Callable[[int], Case],
    num: int,
    draw: Callable[[Case], Drawn],
    networks: Networks,
    pieces: Pieces,
    reference: Sequence[UInt8[np.ndarray, "r r 3"]] = (),
    report: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Score the completions of cases 0 to `num` - 1: (figures by column, figures of every case).

    A few are scored at a time, and what came of them is kept in `pieces`.

    Columns are those of `draw`, and 'composited': the completions of 'drawn' with the known pixels pasted in. Means
    over a photo's completions, then over photos:

    - psnr, psnr_known, psnr_hole (dB), ssim, l1: against the photo; l1 of values in [0, 1];
    - lpips_NETWORK, or distance_NETWORK for the same form through a network without LPIPS' weights: against the photo;
    - diversity_hole_NETWORK, diversity_known_NETWORK: mean distance of a photo's completions inside of the hole and
      outside; std_hole, std_known: the same as standard deviation of pixel values, of 255;
    - fid_…, kid_…, uids_… and so on: the first completion of every photo against the photos, see `compare_sets`.

    Columns other than these two have the figures of pixels alone. reference: more real pictures, for the ceilings of
    `compare_sets`. report: called with the number of cases done. Raises InputError where two cases have one name.
    """

    def score(rows: range) -> Piece:
        return _score([case_at(index) for index in rows], draw, networks)

    found, each = [], []
    for start in range(0, num, AT_A_TIME):
        rows = range(start, min(start + AT_A_TIME, num))
        found.append(pieces.get(f"{start:06}", functools.partial(score, rows)))
        each += from_text(found[-1]["figures"])
        check_names(figures["name"] for figures in each)
        report(rows.stop)
    scored = [column for column, figures in each[0].items() if isinstance(figures, dict)]
    columns = {column: _means([figures[column] for figures in each]) for column in scored}
    others = pieces.get("reference", lambda: features_of(reference, networks)) if len(reference) else {}
    for extractor in networks.extractors:
        reals = np.concatenate([piece[f"{extractor.name}/photos"] for piece in found])
        for column in (DRAWN, COMPOSITED):
            fakes = np.concatenate([piece[f"{extractor.name}/{column}"] for piece in found])
            columns[column] |= compare_sets(extractor, reals, fakes, others.get(extractor.name), paired=True)
    return columns, each


def evaluate_listening(
    inpainter: Inpainter, variables: Any, seeds: Collection[int], holes: str
) -> dict[str, float | int]:
    """Whether the mixer listens to both of its inputs, on generated pictures whose codes are known.

    Each picture is completed twice: with the code that it was drawn from, and with another's (the next seed's).
    hole_mse_true, hole_mse_other: squared error of images in [-1, 1] over the hole's pixels. gate_true, gate_other: the
    mean gate, 0 for the random code alone and 1 for the encoder's alone. Nothing where `holes` is no preset, as there
    are no holes for these pictures then.
    """
    if holes not in HOLE_PRESETS:
        return {}
    z = seed_z(seeds, inpainter.generator.config.z_dim)
    found = []
    for start in range(0, len(z), AT_A_TIME):
        rows = np.arange(start, min(start + AT_A_TIME, len(z)))
        pairs = np.stack([z[rows], z[(rows + 1) % len(z)]], axis=1)
        hole = hole_batch(holes, 0, rows, inpainter.generator.config.resolution)
        images, done = _complete_own(inpainter, variables, pairs, hole)
        errors = np.mean((np.asarray(done.images) - np.asarray(images)[:, None]) ** 2, axis=-1, keepdims=True)
        errors = (errors * hole[:, None]).sum(axis=(2, 3, 4)) / hole.sum(axis=(1, 2, 3))[:, None]
        found.append((errors, np.asarray(done.gate).mean(axis=(2, 3))))
    errors, gates = (np.concatenate(parts).mean(axis=0) for parts in zip(*found, strict=True))
    figures = {"hole_mse_true": errors[0], "hole_mse_other": errors[1], "gate_true": gates[0], "gate_other": gates[1]}
    return {"count": len(z)} | {name: float(value) for name, value in figures.items()}


def plots_of(each: Sequence[Mapping[str, Any]]) -> dict[str, Scatter]:
    """How figures of the completions go with the size of the hole."""
    shares = [figures["hole_share"] for figures in each]
    names = [name for name in each[0][DRAWN] if name == "psnr_known" or name.startswith("diversity_hole")]
    series = {name: (shares, [figures[DRAWN][name] for figures in each]) for name in names}
    return {name: Scatter("hole's share of the picture", name, {name: points}) for name, points in series.items()}


def picture_figures(each: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The figures of every photo as a report has them: those of what was drawn beside the name, others by column."""
    return [{**figures, **figures[DRAWN]} for figures in each]


def completer(inpainter: Inpainter, variables: Any, samples: int) -> Callable[[Case], Drawn]:
    """Completions of a case by a model: completion j is from seed j, whatever the photo, so that those of one photo
    differ in their random code only. 'without skip encoder' is what stage 1 alone gives."""
    z = seed_z(range(samples), inpainter.generator.config.z_dim)[None]

    def draw(case: Case) -> dict[str, Pictures]:
        photo, hole = to_float(case.photo)[None], case.hole[None, ..., None].astype(np.float32)
        ways = {DRAWN: True} | ({WITHOUT_SKIP: False} if inpainter.skip is not None else {})
        done = {name: _complete(inpainter, skip, variables, photo, hole, z) for name, skip in ways.items()}
        return {name: to_uint8(np.asarray(completion.images[0])) for name, completion in done.items()}

    return draw


def case_row(case: Case, drawn: Drawn) -> Pictures:
    """Photo, erased photo and completions, side by side on a sheet."""
    erased = np.where(case.hole[..., None], np.uint8(ERASED), case.photo)
    return np.concatenate([case.photo[None], erased[None], drawn[DRAWN]])


def _score(cases: Sequence[Case], draw: Callable[[Case], Drawn], networks: Networks) -> Piece:
    """A piece: the cases' figures, and features of the photos and of their first completions."""
    drawn = [draw(case) for case in cases]
    pasted = [_composite(case, done[DRAWN]) for case, done in zip(cases, drawn, strict=True)]
    figures = [_figures(*each, networks.distances) for each in zip(cases, drawn, pasted, strict=True)]
    sets = {
        "photos": np.stack([case.photo for case in cases]),
        DRAWN: np.stack([done[DRAWN][0] for done in drawn]),
        COMPOSITED: np.stack([pictures[0] for pictures in pasted]),
    }
    piece = {"figures": as_text(figures)}
    for name, pictures in sets.items():
        piece |= {f"{network}/{name}": rows for network, rows in features_of(pictures, networks).items()}
    return piece


def _figures(case: Case, drawn: Drawn, pasted: Pictures, distances: Collection[PerceptualDistance]) -> dict[str, Any]:
    columns = {column: _of_pixels(case, pictures) for column, pictures in drawn.items()}
    columns[COMPOSITED] = {name: value for name, value in _of_pixels(case, pasted).items() if "known" not in name}
    known = ~case.hole
    for distance in distances:
        both = perceptual(distance, np.concatenate([drawn[DRAWN], pasted]), case.photo)
        for column, apart in zip((DRAWN, COMPOSITED), np.split(both, 2), strict=True):
            columns[column][distance_name(distance)] = float(apart.mean())
        if len(pasted) > 1:
            for where, mask in (("hole", case.hole), ("known", known)):
                pairs = pairwise_distances(distance, to_float(drawn[DRAWN]), jnp.asarray(mask[..., None]))
                mean = pairs.sum() / (len(pasted) * (len(pasted) - 1))
                columns[DRAWN][f"diversity_{where}_{distance.features.name}"] = float(mean)
    return {"name": case.name, "hole_share": float(case.hole.mean()), **columns}


def _of_pixels(case: Case, pictures: Pictures) -> dict[str, float]:
    everywhere, known = np.ones_like(case.hole), ~case.hole
    deviation = pictures.std(axis=0).mean(axis=-1)
    figures = {
        "psnr": psnr(pictures, case.photo, everywhere).mean(),
        "psnr_known": psnr(pictures, case.photo, known).mean(),
        "psnr_hole": psnr(pictures, case.photo, case.hole).mean(),
        "ssim": ssim(pictures, case.photo).mean(),
        "l1": l1(pictures, case.photo, everywhere).mean(),
    }
    spread = {"std_hole": deviation[case.hole].mean(), "std_known": deviation[known].mean()}
    return {name: float(value) for name, value in (figures | (spread if len(pictures) > 1 else {})).items()}


def _composite(case: Case, pictures: Pictures) -> Pictures:
    return np.where(case.hole[..., None], pictures, case.photo)


def _means(each: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {name: float(np.mean([figures[name] for figures in each])) for name in each[0]}


@functools.partial(jax.jit, static_argnums=(0, 1))
def _complete(inpainter, skip, variables, images, hole, z: Float[Any, "b s z"]) -> Completion:
    return inpainter.complete(variables, *erase(images, hole), _map(inpainter, variables, z), skip)


@functools.partial(jax.jit, static_argnums=0)
def _complete_own(inpainter, variables, z, hole):
    """The pictures of the first of each two latents, and their completions with both."""
    images = inpainter.render(variables, _map(inpainter, variables, z[:, 0]))
    return images, _complete(inpainter, True, variables, images, hole, z)


def _map(inpainter, variables, z):
    rows = z.reshape(-1, z.shape[-1])
    ws = inpainter.generator.apply(variables["generator"], rows, method="map")
    return ws.reshape(*z.shape[:-1], *ws.shape[1:])
