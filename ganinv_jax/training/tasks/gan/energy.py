"""A loss of the generator by which its pictures differ as much, and in the same way, as real ones do."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check, check_positive
from ganinv_jax.losses.energy import energy_distance
from ganinv_jax.models.features import load_features


@dataclasses.dataclass(frozen=True)
class EnergyConfig:
    """weight: of the energy distance, as a share of real pictures' distance from each other, the mean of all stages.

    features, stages: the frozen network, not the one that figures are taken through, and what of it is compared; maps
        position by position. size: the side that pictures are resized to (None: what the network was trained on).
    """

    weight: float = 50.0
    features: str = "efficientnet_lite0"
    stages: tuple[str, ...] = ("stride4", "stride8", "stride16", "stride32", "head")
    size: int | None = None

    def __post_init__(self):
        check(bool(self.stages), "energy.stages must name a stage of the features, but it is empty.")
        check(len(set(self.stages)) == len(self.stages), "energy.stages must name each stage once.")
        check_positive(self, "weight", "size", where="energy.")


class Energy:
    """The energy distance between a batch's real pictures and its fakes in features of theirs.

    A discriminator sees single pictures, or one statistic of a few, and can hardly tell that fakes as a set differ too
    little; this can. It is 0 on average where both sets are alike, and may be negative in a batch.
    Source: Li et al., Generative Moment Matching Networks (arXiv:1502.02761), and Santos et al., Learning Implicit
    Generative Models by Matching Perceptual Features (arXiv:1904.02762), who match other statistics of such features
    and have no discriminator.

    `frozen` holds the feature network's weights by its name; calls take it back, so that programs do not contain them.
    """

    def __init__(self, config: EnergyConfig):
        self.config, self._features = config, load_features(config.features)
        known = self._features.stages
        for stage in config.stages:
            check(stage in known, f"energy.stages must be among {', '.join(known)}, but one is {stage!r}.")
        self.frozen = {config.features: self._features.variables}

    def look(self, images: Float[Array, "b h w 3"], frozen: Any) -> dict[str, Array]:
        """What pictures are compared by."""
        variables, config = frozen[self.config.features], self.config
        return self._features.extract(variables, images, config.size or self._features.size, config.stages)

    def terms(
        self, fakes: Float[Array, "b h w 3"], seen: Mapping[str, Array], frozen: Any
    ) -> tuple[Array, dict[str, Array]]:
        """The weighted distance of fakes from the real pictures of which `look` gave `seen`, and the term."""
        drawn = self.look(fakes, frozen)
        distances = [energy_distance(seen[stage], drawn[stage]) for stage in self.config.stages]
        energy = jnp.mean(jnp.stack(distances))
        return self.config.weight * energy, {"energy": energy}
