"""What a task asks of a discriminator in training."""

from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import jax
from jaxtyping import Array, Float

Images = Float[Array, "b h w c"]
Labels = Float[Array, "b k"] | None


class Adversary(Protocol):
    """A discriminator, its augmentation, its losses and its optimiser; all functions are pure.

    `frozen` is passed back into every call that needs it, so that pretrained weights stay out of compiled programs.
    """

    frozen: Any

    def init(self, key: jax.Array, model: Mapping[str, Any] | None = None) -> Any:
        """The state before the first step; `model` holds the discriminator's variables to go on from.

        Raises InputError where they do not fit.
        """
        ...

    def variant(self, step: int) -> Hashable:
        """What differs between compiled steps (see `training.task.Task`)."""
        ...

    def judge(self, state: Any, fakes: Images, c: Labels, key: jax.Array, frozen: Any) -> tuple[Float[Array, ""], Any]:
        """The generator's adversarial loss, and what was computed on the way that `learn` can use again."""
        ...

    def learn(
        self,
        state: Any,
        reals: Images,
        fakes: Images,
        c: Labels,
        key: jax.Array,
        frozen: Any,
        variant: Hashable,
        seen: Any = None,
    ) -> tuple[Any, dict[str, jax.Array]]:
        """One step of the discriminator; `seen` is what `judge` returned for the same fakes, if it is to be used."""
        ...

    def export(self, state: Any) -> tuple[dict[str, Any], Any]:
        """The discriminator's entry in a model folder's config, and its variables."""
        ...
