"""How well holes are filled: what is kept of the known pixels, how much the fillings differ, who decides them."""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.images import to_float, to_uint8
from ganinv_jax.core.rng import seed_z
from ganinv_jax.data.holes import hole_batch
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.pictures import pairwise_distances, psnr
from ganinv_jax.models.inpainting import Completion, Inpainter, erase

AT_A_TIME = 16


@dataclasses.dataclass(frozen=True)
class PhotoFigures:
    """means: over all photos. each: a figure a photo. rows: photo, erased photo and completions of every photo."""

    means: dict[str, float]
    each: list[dict[str, Any]]
    rows: list[UInt8[np.ndarray, "c h w 3"]]


def evaluate_photos(
    inpainter: Inpainter,
    variables: Any,
    photos: Iterable[tuple[str, UInt8[np.ndarray, "r r 3"]]],
    holes: str,
    samples: int,
    distances: Collection[PerceptualDistance],
    report: Callable[[int], None] = lambda done: None,
) -> PhotoFigures:
    """Complete photos, given with their names at the model's resolution, each with its own hole and `samples` codes.

    holes: a preset of `hole_batch`, drawn with seed 0 and the photo's index; completion j comes from seed j for every
    photo, so completions of a photo differ in their random code only. All figures are of un-composited pictures:

    psnr_known: on the known pixels, dB. psnr_known_without_skip: likewise without the skip encoder, which is what
    stage 1 alone gives. diversity_hole_NETWORK, diversity_known_NETWORK: mean feature distance of a photo's completions
    inside of the hole and outside; std_hole, std_known: the same as standard deviation of pixel values, of 255.

    report: called with the number of photos done.
    """
    z = seed_z(range(samples), inpainter.generator.config.z_dim)
    each, rows = [], []
    for index, (name, photo) in enumerate(photos):
        hole = hole_batch(holes, 0, [index], len(photo))
        whole = to_float(photo)[None]
        completions = to_uint8(np.asarray(_complete(inpainter, True, variables, whole, hole, z[None]).images[0]))
        plain = to_uint8(np.asarray(_complete(inpainter, False, variables, whole, hole, z[None]).images[0]))
        missing = hole[0, ..., 0] > 0
        figures: dict[str, Any] = {
            "psnr_known": psnr(completions, photo, ~missing).mean(),
            "psnr_known_without_skip": psnr(plain, photo, ~missing).mean(),
        }
        deviation = completions.std(axis=0).mean(axis=-1)
        for where, mask in (("hole", missing), ("known", ~missing)):
            figures[f"std_{where}"] = deviation[mask].mean()
            for distance in distances:
                pairs = pairwise_distances(distance, to_float(completions), jnp.asarray(mask[..., None]))
                mean = pairs.sum() / (samples * (samples - 1))
                figures[f"diversity_{where}_{distance.features.name}"] = mean
        erased = np.where(missing[..., None], np.uint8(127), photo)
        each.append({"name": name} | {key: round(float(value), 5) for key, value in figures.items()})
        rows.append(np.concatenate([photo[None], erased[None], completions]))
        report(index + 1)
    means = {key: round(float(np.mean([entry[key] for entry in each])), 5) for key in each[0] if key != "name"}
    return PhotoFigures(means, each, rows)


def evaluate_listening(
    inpainter: Inpainter, variables: Any, seeds: Collection[int], holes: str
) -> dict[str, float | int]:
    """Whether the mixer listens to both of its inputs, on generated pictures whose codes are known.

    Each picture is completed twice: with the code that it was drawn from, and with another's (the next seed's).
    hole_mse_true, hole_mse_other: squared error of images in [-1, 1] over the hole's pixels. gate_true, gate_other: the
    mean gate, 0 for the random code alone and 1 for the encoder's alone.
    """
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
    return {"count": len(z)} | {name: round(float(value), 5) for name, value in figures.items()}


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
