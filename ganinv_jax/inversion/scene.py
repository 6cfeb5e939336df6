"""What starts and terms are shown of one photo's inversion. Both exist inside of compiled programs only."""

import dataclasses
from typing import Any

from jaxtyping import Array, Float

from ganinv_jax.inversion.degradations import Degradation, Sight
from ganinv_jax.inversion.drawing import Drawn, Variables
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.models.stylegan2 import GeneratorConfig


@dataclasses.dataclass(frozen=True)
class Scene:
    """One photo. sight: what the degradation leaves of it, in a batch of one. given: variables to start from."""

    networks: Networks
    frozen: Frozen
    degradation: Degradation
    sight: Sight
    given: Any = None

    @property
    def seen(self) -> Float[Array, "1 ..."]:
        """What drawn pictures, observed, are compared with."""
        return self.sight.seen

    @property
    def config(self) -> GeneratorConfig:
        """The generator's."""
        return self.networks.generator.config


@dataclasses.dataclass(frozen=True)
class View:
    """One step of a photo's inversion.

    looks: the features of what is seen, where anything looks at them. key: this step's. variables: all of them, those
    that rest included. drawn: their picture and its code.
    """

    scene: Scene
    looks: Any
    key: Array
    variables: Variables
    drawn: Drawn

    @property
    def observed(self) -> Float[Array, "1 ..."]:
        """The drawn picture through the degradation."""
        return self.scene.degradation.observe(self.drawn.images)
