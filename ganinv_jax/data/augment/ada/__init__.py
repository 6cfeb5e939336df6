"""Adaptive discriminator augmentation (ADA): random transforms that the generator does not learn to imitate.

    state = controller.init()
    images = augment(images, key, state.p, "bgc")     # reals and fakes alike, ahead of every discriminator call
    state = controller.observe(state, real_logits)
    state = controller.update(state, step, batch_size)

Every transform happens with probability p, from 0 (pictures as they are) to 1 (always). Drawing is apart from doing:
`draw` gives one `Parameters` entry per picture, and `apply`, which is affine in the pictures, transforms by them.

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data" (2006.06676), appendix B;
`training/augment.py` and `training_loop.py` of NVlabs/stylegan2-ada-pytorch.
"""

from ganinv_jax.data.augment.ada.controller import AdaController, AdaState
from ganinv_jax.data.augment.ada.pipeline import Parameters, apply, augment, draw
from ganinv_jax.data.augment.ada.spec import PRESETS, AdaSpec

__all__ = ["PRESETS", "AdaController", "AdaSpec", "AdaState", "Parameters", "apply", "augment", "draw"]
