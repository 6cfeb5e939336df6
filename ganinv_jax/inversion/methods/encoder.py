"""No optimisation: the code that the model's encoder reads."""

from ganinv_jax.inversion.schedule import Method
from ganinv_jax.inversion.starts import encoded_ws


def encoder() -> Method:
    """The code of the model's own encoder, in one pass; the inpainter's is told which pixels are known.

    pSp (arXiv:2008.00951), e4e (2102.02766) and ReStyle (2104.02699) come in by conversion, the recipes `encoder_…`
    train an in-domain one, and the bundled model has the inpainter's.
    """
    return Method({"ws": encoded_ws}, encodes=True)
