"""In-domain inversion: from the encoder's code, held where the encoder reads it again."""

from typing import Literal

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Constant, Look, Method, Stage
from ganinv_jax.inversion.starts import encoded_ws, given_ws, mean_ws
from ganinv_jax.inversion.terms import EncoderConsistency, Perceptual, SquaredError

STARTS = {"encoder": encoded_ws, "mean": mean_ws, "given": given_ws}


def idinvert(
    domain: float | None = None,
    start: Literal["encoder", "mean", "given"] = "encoder",
    look: Look = DEFAULT_LOOK,
    task: str = "inversion",
) -> Method:
    """W+ from the encoder's code: squared error, a little of the perceptual distance, and 2 times the squared
    difference of the code and of what the encoder reads in its picture.

    Zhu et al. 2020 (arXiv:2004.00049), section 3.3; utils/inverter.py of genforce/idinvert_pytorch: Adam of rate 0.01,
    100 steps, weights 1, 5e-5 and 2. The 5e-5 is for unnormalised VGG16 features of 0 to 255; in units of the squared
    error the perceptual distance weighs 0.1 here. The official encoder was trained for this by the domain-guided
    objective, as by the recipes `encoder_…`; any that the model has serves, the inpainter's told which pixels are
    known.

    domain: the weight of that last term; with 0 the code is free to leave the encoder's domain. By default 2, and 0 in
        the task 'diffusion', whose official objective has no such term.
    """
    domain = (0.0 if task == "diffusion" else 2.0) if domain is None else domain
    check(start in STARTS, f"start must be encoder, mean or given, but it is {start!r}.")
    terms = (SquaredError(), Perceptual(0.1), *([EncoderConsistency(domain)] if domain else []))
    stage = Stage(100, ("ws",), terms, Adam(Constant(0.01)))
    return Method({"ws": STARTS[start]}, (stage,), look=look, encodes=start == "encoder")
