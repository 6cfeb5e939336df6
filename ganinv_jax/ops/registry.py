"""Choosing among the implementations of an op."""

from collections.abc import Callable, Mapping

from ganinv_jax.core.configs import unknown_key


def select(op: str, implementations: Mapping[str, Callable], name: str, auto: str) -> Callable:
    """The implementation called `name`; 'auto' stands for `auto`. Raises InputError for an unknown name."""
    if name == "auto":
        name = auto
    if name not in implementations:
        raise unknown_key(name, [*implementations, "auto"], f"op {op!r}")
    return implementations[name]
