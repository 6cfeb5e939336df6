"""What the training loop asks of the thing that is trained."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

import jax
import numpy as np

from ganinv_jax.data.sources import Source

State: TypeAlias = Any  # A pytree of arrays; in practice a flax.struct dataclass.
Batch: TypeAlias = Mapping[str, Any]  # Names to arrays whose first axis is the batch.
Metrics: TypeAlias = Mapping[str, jax.Array]  # Names to scalars.


class Task(Protocol):
    """One kind of training: its state, one step, its data, and what it shows and hands out.

    A task is made from its config alone: `SomeTask(config)` with `config` a `SomeTask.Config`. It holds no state that
    changes; everything a step changes is in `state`, which is what makes a resumed run equal an uninterrupted one bit
    for bit. The loop owns the mesh, the keys, the intervals, the files and the signals; `step` and `init` are written
    as if for one device and one batch, and run on any number of devices.
    """

    Config: ClassVar[type]
    """The frozen dataclass of this task's options."""

    name: str
    """The name in the registry, e.g. 'gan'."""

    config: Any
    """A `Config`. A run resumes only if it is the one that the run began with."""

    seed: int
    """Where every key of the run comes from; `batches` draws its order from it too."""

    batch_size: int
    """Pictures in one step over all devices; the unit in which kimg count."""

    frozen: Any
    """A pytree of arrays that no step changes, such as a pretrained network; `{}` where there are none.

    The loop lays them on the devices once and hands them to each step. They are not part of the checkpoints.
    """

    free_options: frozenset[str]
    """Dotted names of options that may change when a run resumes, as 'data.threads'; a name covers all below it."""

    @property
    def pictures(self) -> Source | None:
        """What `batches` draws from, so that a resumed run can tell others. A task without may leave this out."""
        return None

    def init(self, key: jax.Array) -> State:
        """The state before the first step. Called once, outside jit: wrap what is worth compiling.

        It is also traced by `jax.eval_shape` to learn the shapes, so it must have no effect outside, and shapes must
        depend on the config alone.
        """
        ...

    def variant(self, step: int) -> Hashable:
        """What differs between compiled steps, as a function of the step number alone, e.g. which regularisers run.

        The loop compiles one program per distinct value. Use one value, such as None, where there is one program, and
        let step 0 be the largest: the memory estimate of `--dry-run` compiles that one.
        """
        ...

    def step(
        self, state: State, batch: Batch, key: jax.Array, *, frozen: Any, variant: Hashable
    ) -> tuple[State, Metrics]:
        """One step; pure, traced under jit with `variant` static and `state` donated.

        `key` is folded from the seed and the step number. Metrics are scalars; those that a variant leaves out are
        averaged over the steps that have them. Names with 'loss' in them go to the progress bar, in order.
        """
        ...

    def batches(self, start_step: int) -> Iterator[Batch]:
        """An endless iterator over batches of NumPy arrays, beginning with the batch of `start_step`.

        Batch i depends on the seed and i alone. With several processes, each yields its own equal part.
        """
        ...

    def snapshot(self, state: State) -> dict[str, np.ndarray]:
        """Pictures to look at, uint8 [h, w, 3], by name; the same seeds and photos each time. May be empty."""
        ...

    def export(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """The model folder's config and its arrays by part, as `core.folders.save` takes them."""
        ...
