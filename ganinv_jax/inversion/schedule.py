"""How an inversion goes: stages of steps, each with its objective, its optimiser and its rules."""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.drawing import Draw, draw
from ganinv_jax.inversion.starts import Start
from ganinv_jax.inversion.terms import Term

Progress = Float[Array, ""]
"""The share of a stage's steps that are done, in [0, 1)."""


Values = dict[str, Float[Array, ""]]
Objective = Callable[[Any], tuple[Float[Array, ""], Values]]
"""From the active variables of one photo to their total loss, and to all losses by name."""


class Optimiser(Protocol):
    """How one photo's active variables move in a step.

    searches: whether it asks the objective for as many values as it happens to need. Pictures then go one by one, so
    that none waits for another, and nothing but a step may move variables or change the objective.
    """

    searches: ClassVar[bool]

    def begin(self, variables: Any) -> Any:
        """Its memory before the first step."""
        ...

    def step(self, objective: Objective, variables: Any, memory: Any, progress: Progress) -> tuple[Any, Any, Values]:
        """(variables, memory, the losses of the variables that it was given)."""
        ...


@dataclasses.dataclass(frozen=True)
class _Descent(abc.ABC):
    """Against a direction made of gradients; `rate` gives the learning rate at the stage's progress."""

    rate: Callable[[Progress], Any]
    searches: ClassVar[bool] = False

    @abc.abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """From gradients to steps of rate 1, uphill."""

    def begin(self, variables):
        return self.direction().init(variables)

    def step(self, objective, variables, memory, progress):
        gradients, values = jax.grad(objective, has_aux=True)(variables)
        direction, memory = self.direction().update(gradients, memory, variables)
        rate = self.rate(progress)
        moved = jax.tree.map(lambda value, uphill: value - rate * uphill, variables, direction)
        return moved, memory, values


@dataclasses.dataclass(frozen=True)
class Adam(_Descent):
    """Adam."""

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8

    def direction(self):
        return optax.scale_by_adam(self.b1, self.b2, self.eps)


@dataclasses.dataclass(frozen=True)
class GradientDescent(_Descent):
    """Plain gradient descent."""

    def direction(self):
        return optax.identity()


@dataclasses.dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    rate: float

    def __call__(self, progress: Progress) -> Any:
        return self.rate


@dataclasses.dataclass(frozen=True)
class Ramps:
    """Linear from 0 over the first `up` of the stage, and down to 0 along a cosine over the last `down`.

    Source: projector.py of stylegan2-ada-pytorch.
    """

    rate: float
    up: float = 0.05
    down: float = 0.25

    def __call__(self, progress: Progress) -> Any:
        fall = 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum(1, (1 - progress) / self.down))
        return self.rate * fall * jnp.minimum(1, progress / self.up)


@dataclasses.dataclass(frozen=True)
class Milestones:
    """`rate`, multiplied by `factor` at each of the shares `at` of the stage's steps."""

    rate: float
    factor: float
    at: tuple[float, ...]

    def __call__(self, progress: Progress) -> Any:
        # Counted in 32 bits, a step's share may lie just below its milestone; a step is 1e-7 of a stage at the least.
        return self.rate * self.factor ** sum(progress >= share - 1e-7 for share in self.at)


@dataclasses.dataclass(frozen=True)
class Perturbation:
    """Noise on the variable `name` when its picture is drawn, fresh in each step; the variable itself stays clean.

    Its deviation is `strength` times `w_std`, and falls to 0 as a parabola over the first `until` of the stage.
    Source: projector.py of stylegan2-ada-pytorch.
    """

    name: str
    strength: float = 0.05
    until: float = 0.75

    def __call__(self, variables: Mapping[str, Any], w_std: Any, progress: Progress, key: Array) -> dict[str, Any]:
        """The variables to draw."""
        deviation = self.strength * w_std * jnp.maximum(0, 1 - progress / self.until) ** 2
        value = variables[self.name]
        return {**variables, self.name: value + deviation * jax.random.normal(key, value.shape)}


Rule = Callable[[Mapping[str, Any], Array], dict[str, Any]]
"""What happens to the variables after a step: (variables, key) -> variables."""


def normalize_noise(variables: Mapping[str, Any], key: Array) -> dict[str, Any]:
    """Every noise map to mean 0 and root mean square 1."""

    def normalize(noise):
        noise = noise - jnp.mean(noise)
        return noise * jax.lax.rsqrt(jnp.mean(noise**2))

    return {**variables, "noise": jax.tree.map(normalize, variables["noise"])}


@dataclasses.dataclass(frozen=True)
class Clip:
    """Coordinates of z beyond `bound` are put on it or, stochastic, drawn anew from within: from U(-bound, bound), or
    the normal distribution cut off there.

    Source: Lipton & Tripathi 2017 (arXiv:1702.04782), section 3.
    """

    bound: float
    how: Literal["hard", "uniform", "normal"]

    def __call__(self, variables: Mapping[str, Any], key: Array) -> dict[str, Any]:
        z, bound = variables["z"], self.bound
        if self.how == "hard":
            return {**variables, "z": jnp.clip(z, -bound, bound)}
        if self.how == "uniform":
            fresh = jax.random.uniform(key, z.shape, minval=-bound, maxval=bound)
        else:
            fresh = jax.random.truncated_normal(key, -bound, bound, z.shape)
        return {**variables, "z": jnp.where(jnp.abs(z) > bound, fresh, z)}


@dataclasses.dataclass(frozen=True)
class Stage:
    """steps: the official number. active: the variables that are optimised, the others rest.

    after: rules, in order, after every step. forget: variables that are given up as the stage begins, so that the
    generator's own take their place.
    """

    steps: int
    active: tuple[str, ...]
    terms: tuple[Term, ...]
    optimiser: Optimiser
    perturbation: Perturbation | None = None
    after: tuple[Rule, ...] = ()
    forget: tuple[str, ...] = ()

    def __post_init__(self):
        check(self.steps > 0, f"A stage must have steps, but got {self.steps}.")
        steady = not (self.perturbation or self.after)
        check(steady or not self.optimiser.searches, "An optimiser that searches goes without perturbation and rules.")


class Look(NamedTuple):
    """Through which network a method looks at pictures (see `load_features`), at which size and stages.

    size: None takes pictures at the generator's size, but never larger than 256 pixels. stages: by default all.
    """

    features: str = "efficientnet_lite0"
    size: int | None = None
    stages: tuple[str, ...] = ()


DEFAULT_LOOK = Look()
"""The generator's own size. A look with its gradient takes a CPU a fifth of the bundled generator's time there; twice
the side would be four times the pixels."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A published method, as the engine runs it.

    start: the variables, by name, and where each begins. stages: none for a method that does not optimise. restarts:
    how many times it begins; the one of least final loss is kept, each picture for itself. draw: from variables to
    pictures. look: what perceptual terms look through. encodes: whether a start needs the model's encoder.
    without_encoder: the method in its place for a model that has none.
    layered: whether its layer encoders take that one's place, where it has any.
    """

    start: Mapping[str, Start] | tuple[tuple[str, Start], ...]
    stages: tuple[Stage, ...] = ()
    restarts: int = 1
    draw: Draw = draw
    look: Look = DEFAULT_LOOK
    encodes: bool = False
    without_encoder: "Method | None" = None
    layered: bool = False

    def __post_init__(self):
        check(self.restarts > 0, f"restarts must be at least 1, but it is {self.restarts}.")
        object.__setattr__(self, "start", tuple(dict(self.start).items()))

    @property
    def lengths(self) -> tuple[int, ...]:
        """The stages' numbers of steps."""
        return tuple(stage.steps for stage in self.stages)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Those of all stages."""
        return tuple(term for stage in self.stages for term in stage.terms)

    @property
    def looks(self) -> bool:
        """Whether a perceptual network is needed."""
        return any(term.looks for term in self.terms)

    @property
    def needs_encoder(self) -> bool:
        """Whether an encoder is needed."""
        return self.encodes or any(term.encodes for term in self.terms)

    @property
    def owns_weights(self) -> bool:
        """Whether every picture gets weights of its own, so that pictures are better inverted one by one."""
        return "weights" in dict(self.start)

    def scaled(self, steps: int | None) -> "Method":
        """The same method in `steps` steps in all (None: the official number), shared out as the stages' are.

        Raises InputError for fewer steps than stages, and for any where there is no stage.
        """
        if steps is None:
            return self
        check(bool(self.stages), f"A method that does not optimise takes no steps, but {steps} are asked for.")
        check(steps >= len(self.stages), f"steps must be at least {len(self.stages)} here, but it is {steps}.")
        official = self.lengths
        ends = [round(steps * sum(official[: i + 1]) / sum(official)) for i in range(len(official))]
        counts = [max(1, end - start) for start, end in zip([0, *ends], ends, strict=False)]
        counts[counts.index(max(counts))] += steps - sum(counts)
        stages = [dataclasses.replace(stage, steps=n) for stage, n in zip(self.stages, counts, strict=True)]
        return dataclasses.replace(self, stages=tuple(stages))
