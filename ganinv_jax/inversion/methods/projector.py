"""StyleGAN2's projector."""

from typing import Literal

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Look, Method, Perturbation, Ramps, Stage, normalize_noise
from ganinv_jax.inversion.starts import BestW, encoded_w, encoded_ws, given_w, given_ws, mean_w, mean_ws, random_noise
from ganinv_jax.inversion.terms import NoiseCorrelation, Perceptual

STARTS = {
    "w": {"mean": mean_w, "best": BestW(500), "encoder": encoded_w, "given": given_w},
    "w+": {"mean": mean_ws, "encoder": encoded_ws, "given": given_ws},
}


def projector(
    space: Literal["w", "w+"] = "w",
    start: Literal["mean", "best", "encoder", "given"] = "mean",
    look: Look = DEFAULT_LOOK,
) -> Method:
    """One w for all rows and the noise maps, by the perceptual distance alone, from the mean of w.

    Karras et al. 2020 (arXiv:1912.04958), appendix D; projector.py of stylegan2-ada-pytorch, whose numbers these are:
    Adam of rate 0.1 with ramps over 5 % and 25 % of 1000 steps, distance + 1e5 times the correlation of the noise,
    w perturbed by 0.05 w_std over the first three quarters, noise drawn anew at the start and normalised after
    each step. As in stylegan2's projector.py, pictures are drawn with the noise that was found (stylegan2-ada-pytorch
    throws it away); reports have the figure with the generator's own noise as well.

    space: 'w+' gives every row a code of its own, as rosinality's projector.py does, with the same numbers.
    start: 'best' of 500 random codes, by squared error, or what the model's encoder reads.
    look: the official network is LPIPS-VGG16; its default stand-in has distances of about the same size, so that the
    published weight of the noise term holds.
    """
    check(space in STARTS, f"space must be w or w+, but it is {space!r}.")
    check(start in STARTS[space], f"start must be one of {', '.join(STARTS[space])} in {space}, but it is {start!r}.")
    code = "w" if space == "w" else "ws"
    stage = Stage(
        steps=1000,
        active=(code, "noise"),
        terms=(Perceptual(calibrated=False), NoiseCorrelation(1e5)),
        optimiser=Adam(Ramps(0.1)),
        perturbation=Perturbation(code),
        after=(normalize_noise,),
    )
    begin = {code: STARTS[space][start], "noise": random_noise}
    return Method(begin, (stage,), look=look, encodes=start == "encoder")
