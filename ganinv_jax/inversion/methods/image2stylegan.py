"""Image2StyleGAN: a code a row, by squared error and looks."""

from typing import Literal

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Constant, Look, Method, Stage
from ganinv_jax.inversion.starts import UniformWs, encoded_w, encoded_ws, given_w, given_ws, mean_w, mean_ws, random_z
from ganinv_jax.inversion.terms import Perceptual, SquaredError

STARTS = {
    "w+": {"mean": mean_ws, "encoder": encoded_ws, "uniform": UniformWs(1.0), "given": given_ws},
    "w": {"mean": mean_w, "encoder": encoded_w, "given": given_w},
    "z": {"mean": random_z},
}
VARIABLES = {"w+": "ws", "w": "w", "z": "z"}


def image2stylegan(
    start: Literal["mean", "encoder", "uniform", "given"] = "mean",
    space: Literal["w+", "w", "z"] = "w+",
    look: Look = DEFAULT_LOOK,
) -> Method:
    """W+ from the mean of w, noise fixed: squared error and perceptual distance, weighted alike.

    Abdal et al. 2019 (arXiv:1904.03189), sections 4 and 5: Adam of rate 0.01, betas (0.9, 0.999), 5000 steps, both
    weights 1; faces start from the mean, other classes from U(-1, 1). The paper compares unnormalised VGG16 features
    of 256 pixels at conv1_1, 1_2, 3_2 and 4_2, whose squared errors and weight belong to that network; here the
    distance is calibrated against the squared error. The mean is the start of every class: a uniform code lies far from
    all that the generator was trained on, and needs the 5000 steps.

    space: 'w' and 'z' are what the paper compares W+ with (section 5.2). In z, whose mean has no picture of its own,
        the start is a random draw.
    """
    check(space in STARTS, f"space must be w+, w or z, but it is {space!r}.")
    starts, code = STARTS[space], VARIABLES[space]
    check(start in starts, f"start must be one of {', '.join(starts)} in {space}, but it is {start!r}.")
    stage = Stage(5000, (code,), (SquaredError(), Perceptual()), Adam(Constant(0.01)))
    return Method({code: starts[start]}, (stage,), look=look, encodes=start == "encoder")
