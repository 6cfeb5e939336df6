"""GAN inversion, diverse inpainting and editing with StyleGAN2, in JAX/Flax.

`ganinv_jax.load()` opens a model; see `ganinv_jax.Model` for what it does.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganinv_jax.pipelines import Model, load

__version__ = "0.1.0"
__all__ = ["Model", "load"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: the command line imports this package to answer `--help`, which needs no JAX.
    if name in __all__:
        from ganinv_jax import pipelines

        return getattr(pipelines, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
