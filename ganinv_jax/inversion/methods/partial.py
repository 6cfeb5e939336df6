"""Ma et al.: z by gradient descent on the pixels that are seen."""

from ganinv_jax.inversion.schedule import Adam, Constant, Method, Stage
from ganinv_jax.inversion.starts import random_z
from ganinv_jax.inversion.terms import SummedSquares


def partial(restarts: int = 1) -> Method:
    """z from the normal distribution, by the summed squared error of what is seen.

    Ma, Ayaz and Karaman (NeurIPS 2018); pytorch/demo_random_weight.py of fangchangma/invert-generative-networks: Adam
    of rate 0.01, 1000 steps. The task it was made for is 'partial', a random subset of the pixels: for two layers of a
    transposed convolution and a ReLU, with Gaussian weights, the paper shows that gradient descent finds z from it.

    restarts: the one of least loss is kept. The official demo has one; matconvnet/main.m starts once more from the
        negative of what it found, since -z, scaled, is the only other stationary point that the theorem allows.
    """
    stage = Stage(1000, ("z",), (SummedSquares(),), Adam(Constant(0.01)))
    return Method({"z": random_z}, (stage,), restarts)
