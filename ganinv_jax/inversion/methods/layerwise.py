"""Layer-wise inversion: a code read block by block, then residuals on what the first blocks make of it."""

import dataclasses
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.scene import Scene
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Look, Method, Milestones, Stage
from ganinv_jax.inversion.starts import encoded_ws, mean_ws
from ganinv_jax.inversion.terms import AbsoluteError, Perceptual, ResidualSquares

STARTS = {"layers": encoded_ws, "encoder": encoded_ws, "mean": mean_ws}


def layerwise(
    start: Literal["layers", "encoder", "mean"] = "layers",
    layer: int | None = None,
    penalty: float = 1.0,
    look: Look = DEFAULT_LOOK,
) -> Method:
    """The code that the layer encoders read, held, and residuals added to the output of the blocks 4, 8, ..., `layer`.

    Bau et al. 2019 (arXiv:1910.11626), section 3.2, and Bau et al. 2019 (Inverting layers of a large generator, ICLR
    workshop); seeing/optimize_residuals.py of davidbau/ganseeing: absolute difference of pixels + perceptual distance +
    mean squares of the residuals, weighted alike, 3000 steps of Adam of rate 0.01, halved at 800, 1200 and 1800.

    start: 'layers' takes the encoders that `configs/layers_cat64.py` trains, or the model's own encoder where it has
        none; 'encoder' the latter in any case.
    layer: the last block with a residual, by default 16, or the last but one of a smaller generator.
    penalty: the weight of the residuals' squares.

    Where it differs from PGGAN: residuals were on layers 1 to 3 of 15, at 4 and 8 pixels; a StyleGAN2 block is two
    layers, and three blocks reach 16. PGGAN normalises features to length 1 and the residuals' squares count in that
    unit; StyleGAN2 does not (0.1 at 16 pixels in the bundled model), so residuals are in units of the root mean square
    of what they are added to. PGGAN's later layers need those features alone; here they are modulated by the code as
    well, which is held. The perceptual distance stands in for absolute differences of VGG16 features.
    """
    check(start in STARTS, f"start must be one of {', '.join(STARTS)}, but it is {start!r}.")
    stage = Stage(
        steps=3000,
        active=("residuals",),
        terms=(AbsoluteError(), Perceptual(), *([ResidualSquares(penalty)] if penalty else [])),
        optimiser=Adam(Milestones(0.01, 0.5, (800 / 3000, 1200 / 3000, 1800 / 3000))),
    )
    begin = {"ws": STARTS[start], "residuals": NoResiduals(layer)}
    return Method(begin, (stage,), look=look, encodes=start != "mean", layered=start == "layers")


@dataclasses.dataclass(frozen=True)
class NoResiduals:
    """Zeros of the shapes of what leaves the blocks up to `layer`, by the block's name."""

    layer: int | None

    def __call__(self, scene: Scene, key: Array) -> Any:
        config = scene.config
        below = config.block_resolutions[:-1]
        layer = min(16, below[-1]) if self.layer is None else self.layer
        check(layer in below, f"layer must be one of {below} for this generator, but it is {layer}.")
        shapes = {r: (r, r, config.channels(r)) for r in config.block_resolutions if r <= layer}
        return {f"b{resolution}": jnp.zeros(shape) for resolution, shape in shapes.items()}
