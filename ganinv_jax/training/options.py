"""Options that several tasks have."""

import dataclasses

from ganinv_jax.core.configs import check


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """source: as `open_source` takes it. mirror: flip half of the pictures. threads: for decoding; None: one a core."""

    source: str
    mirror: bool = True
    threads: int | None = None


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of a loss's terms, each a float of at least 0."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            check(value >= 0, f"weights.{field.name} must be at least 0, but it is {value}.")
