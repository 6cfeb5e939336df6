"""A frozen network that is a formula, so that what is seen through it can be computed by hand."""

import jax.numpy as jnp
import numpy as np

from ganinv_jax.evaluation.sets import Networks
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.metrics.networks import Extractor
from ganinv_jax.models.features import Features

FORMULA = "efficientnet_formula"


class Formula:
    """'map' [b, h, w, 4] is linear in the pixels, 'head' [b, 4] its mean, 'logits' [b, classes] linear in that."""

    @staticmethod
    def apply(variables, images, stages):
        found = {"map": jnp.einsum("bhwi,io->bhwo", images, variables["colours"], precision="highest") + 0.5}
        found["head"] = jnp.mean(found["map"], axis=(1, 2))
        found["logits"] = jnp.matmul(found["head"], variables["classes"], precision="highest")
        return {stage: found[stage] for stage in stages}


def formula(name: str = FORMULA, seed: int = 0, classes: int = 3) -> Features:
    rng = np.random.default_rng(seed)
    variables = {"colours": rng.standard_normal((3, 4)), "classes": rng.standard_normal((4, classes))}
    variables = {part: jnp.asarray(x, jnp.float32) for part, x in variables.items()}
    return Features(name, Formula(), variables, {"map": 4, "head": 4, "logits": classes}, ("map",), 32)


def formula_networks(classes: int = 1000) -> Networks:
    """What evaluations look through, of such a network."""
    features = formula(classes=classes)
    return Networks((Extractor(features, "head"),), (PerceptualDistance(features),))
