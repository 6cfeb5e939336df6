"""Options that several tasks have."""

import dataclasses
import math
from typing import Any

from ganinv_jax.core.configs import check, check_not_negative


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """source: as `open_source` takes it. mirror: flip half of the pictures.

    threads: for decoding; None: one a core that a process may use, up to 64.
    """

    source: str
    mirror: bool = True
    threads: int | None = None

    def __post_init__(self):
        check_threads(self.threads)


def check_threads(threads: int | None) -> None:
    """Raise InputError for a number of threads that cannot be."""
    check(threads is None or threads > 0, f"threads must be positive or None, but it is {threads}.")


def check_common(config: Any) -> None:
    """Raise InputError for a value out of range, among the options that tasks share, as far as `config` has them."""
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    batch, seed, size = values["batch_size"], values["seed"], values.get("perceptual_size")
    half_life, ramp = values.get("ema_kimg", 0.0), values.get("ema_rampup")
    check(batch > 0, f"batch_size must be positive, but it is {batch}.")
    check(0 <= seed < 2**32, f"seed must lie in [0, 2**32), but got {seed}.")
    check(size is None or size > 0, f"perceptual_size must be positive or None, but it is {size}.")
    check(0 <= half_life < math.inf, f"ema_kimg must be at least 0, but got {half_life}.")
    check(ramp is None or 0 < ramp < math.inf, f"ema_rampup must be positive or None, but got {ramp}.")


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of a loss's terms, each a float of at least 0."""

    def __post_init__(self):
        check_not_negative(self, *(field.name for field in dataclasses.fields(self)), where="weights.")
