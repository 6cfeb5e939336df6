"""Image2StyleGAN++: W+ first, then the noise maps, each by what the task keeps."""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from ganinv_jax.inversion.drawing import Draw, Drawn, Variables, draw
from ganinv_jax.inversion.methods.image2stylegan import image2stylegan
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Constant, Look, Method, Stage
from ganinv_jax.inversion.starts import own_noise
from ganinv_jax.inversion.terms import (
    HeldError,
    KeptError,
    KeptPerceptual,
    Perceptual,
    SquaredError,
    Style,
    Term,
)


def image2stylegan_plus(
    noise_rate: float = 0.1,
    style: float = 20.0,
    start: Literal["mean", "encoder", "uniform", "given"] = "mean",
    look: Look = DEFAULT_LOOK,
    task: str = "inversion",
) -> Method:
    """W+ alone, then the noise maps alone, since noise that is found together with the code takes over what the code
    should say.

    Abdal et al. 2020 (arXiv:1911.11544), sections 3 to 5: Adam of rate 0.01 for W+ and 5 for noise. W+ is found by
    squared errors, masked, to the photo and to another picture, by the masked perceptual distance to the photo, and by
    the style of the other; noise by masked squared errors alone. Which of them and how long, the task says:

    - Reconstruction: Image2StyleGAN's 5000 steps, then 3000 on noise.
    - 'inpainting': by what is known, only the first half of the rows and the last two (1 to 9, 17 and 18 of 18), and
      only 200 steps, before the code follows the edge of the hole; then 1000 on noise. Meanwhile the hole is held at
      what the code draws with the generator's own noise, so that noise does not learn the edge either.
    - 'scribble': 200 steps, before the code follows the strokes; then 1000 on noise, by the pixels that are not
      edited, while the others are held.
    - 'crossover': squared errors to both photos, perceptual distance to the one and style of the other; 5000 steps,
      then 1000 on noise by the same squared errors.
    - 'diffusion', which is not the paper's: 100 steps as idinvert has, then 1000 on noise, which holds the context.

    noise_rate: the paper's 5 goes with squared errors weighted 1e-5 and noise of some thousand steps; Adam does not
        feel such weights, and maps of unit deviation are lost in the first step at that rate.
    style: the weight of the style term. The paper's 5e-7 (1e-5 for the others) belongs to VGG16's unnormalised conv3_3;
        here features have length 1, at EfficientNet-Lite's stride 8 or a converted VGG16's relu3_3. With 20 the
        term of unrelated pictures of the bundled model is about their squared error.
    look: the paper compares conv1_1, 1_2, 2_2 and 3_3 of VGG16. EfficientNet-Lite's strides 4 and 8 lie as deep; all of
        its stages are compared, as for Image2StyleGAN.
    """
    variant = VARIANTS.get(task, RECONSTRUCTION)
    first = image2stylegan(start=start, look=look)
    (embedding,) = first.stages
    weighted = tuple(dataclasses.replace(term, weight=style) if isinstance(term, Style) else term for term in variant.w)
    embedding = dataclasses.replace(embedding, steps=variant.steps[0], terms=weighted)
    noise = Stage(variant.steps[1], ("noise",), variant.noise, Adam(Constant(noise_rate)))
    return dataclasses.replace(
        first, start=(*first.start, ("noise", own_noise)), stages=(embedding, noise), draw=variant.draw
    )


@dataclasses.dataclass(frozen=True)
class OuterRows:
    """Draws as usual, but of the code only the first half of the rows and the last two can be optimised."""

    def __call__(self, networks: Networks, frozen: Frozen, variables: Variables) -> Drawn:
        ws = variables["ws"]
        rows = jnp.arange(len(ws))
        free = (rows < len(ws) // 2) | (rows >= len(ws) - 2)
        return draw(networks, frozen, {**variables, "ws": jnp.where(free[:, None], ws, jax.lax.stop_gradient(ws))})


class Variant(NamedTuple):
    """steps: on W+ and on noise. w, noise: their terms."""

    steps: tuple[int, int]
    w: tuple[Term, ...] = (SquaredError(), Perceptual())
    noise: tuple[Term, ...] = (SquaredError(),)
    draw: Draw = draw


HOLDING = (KeptError(), HeldError())
RECONSTRUCTION = Variant((5000, 3000))
VARIANTS = {
    "inpainting": Variant((200, 1000), noise=HOLDING, draw=OuterRows()),
    "scribble": Variant((200, 1000), noise=HOLDING),
    "crossover": Variant((5000, 1000), (SquaredError(), KeptPerceptual(), Style())),
    "diffusion": Variant((100, 1000), noise=HOLDING),
}
