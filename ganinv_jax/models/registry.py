"""Which network each part of a model folder is: a module built from the folder's config, and variables that fit it."""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, from_dict, to_dict, unknown_key
from ganinv_jax.models.encoders import PspConfig, PspEncoder, WholeConfig
from ganinv_jax.models.features import load_features
from ganinv_jax.models.features.arcface import ArcFace, ArcFaceConfig
from ganinv_jax.models.features.convnets import AlexNetConfig, ConvNet, Vgg16Config
from ganinv_jax.models.features.inception import Inception, InceptionConfig
from ganinv_jax.models.inpainting import EncoderConfig, Mixer, MixerConfig, SkipConfig, SkipEncoder, StyleEncoder
from ganinv_jax.models.layerwise import LayerEncoders, LayerEncodersConfig
from ganinv_jax.models.precision import Compute
from ganinv_jax.models.projected import ProjectedConfig, ProjectedDiscriminator
from ganinv_jax.models.stylegan2 import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig

COMPUTE = typing.get_args(Compute)
IMPLEMENTATIONS = ("auto", "lax", "pallas")


@dataclasses.dataclass(frozen=True)
class Network:
    """A part of a model, ready to run: `module.apply(variables, ...)`. kind: which of the networks for that part."""

    kind: str
    config: Any
    module: Any
    variables: dict[str, Any]


def restore(
    part: str,
    config: Mapping[str, Any],
    arrays: Mapping[str, Any],
    compute: str = "fp32",
    implementation: str = "auto",
) -> Network:
    """The network `part` of a model folder, as `core.folders.load` read it, its variables on the default device.

    config, arrays: of the whole folder, by part. compute: 'fp32', 'bf16' or 'source' (see `SynthesisNetwork`).
    implementation: of a generator's modulated convolutions: 'auto', 'lax' or 'pallas'.
    Raises InputError where the folder has no such part, its options are unknown or its arrays do not fit them.
    """
    check(compute in COMPUTE, f"compute must be one of {', '.join(COMPUTE)}, but got {compute!r}.")
    known = ", ".join(IMPLEMENTATIONS)
    check(implementation in IMPLEMENTATIONS, f"implementation must be one of {known}, but got {implementation!r}.")
    check(part in arrays, f"The model must hold the part {part!r}, but its parts are {', '.join(sorted(arrays))}.")
    options = config.get(part)
    check(isinstance(options, Mapping), f"The model's config must hold the options of {part!r}; fetch the model again.")
    name, kind, options = _kind(part, options)  # type: ignore[arg-type]
    settings = from_dict(kind.options, options)
    module = kind.build(settings, compute)
    if isinstance(module, Generator):
        module = module.clone(implementation=implementation)
    shared = kind.shared(settings)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *kind.inputs(settings))
    folders.check_like(arrays[part], {name: tree for name, tree in shapes.items() if name not in shared}, part)
    return Network(name, settings, module, jax.device_put(dict(arrays[part])) | shared)


def describe(part: str, config: Any) -> dict[str, Any]:
    """The options of a part as a folder's config tells them, so that `restore` finds its kind again.

    A part that is no network has its options only.
    """
    if part not in _PARTS:
        return to_dict(config)
    kinds = _PARTS[part]
    name = next(name for name, kind in kinds.items() if type(config) is kind.options)
    return ({} if name == next(iter(kinds)) else {"kind": name}) | to_dict(config)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """options: its config class. inputs: what `init` is called with. shared: variables that no folder holds."""

    options: Any
    build: Callable[[Any, Any], Any]
    inputs: Callable[[Any], tuple]
    shared: Callable[[Any], dict[str, Any]] = lambda config: {}


def _kind(part: str, options: Mapping[str, Any]) -> tuple[str, _Kind, dict[str, Any]]:
    if part not in _PARTS:
        raise unknown_key(part, _PARTS, "A model")
    kinds, rest = _PARTS[part], dict(options)
    name = rest.pop("kind", next(iter(kinds)))
    if name not in kinds:
        raise unknown_key(str(name), kinds, f"The kind of {part}")
    return name, kinds[name], rest


def _array(*shape: int) -> Any:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _generator_inputs(config: GeneratorConfig) -> tuple:
    return _array(1, config.z_dim), _array(1, config.c_dim) if config.c_dim else None


def _discriminator_inputs(config: DiscriminatorConfig) -> tuple:
    side = config.resolution
    return _array(1, side, side, config.img_channels), _array(1, config.c_dim) if config.c_dim else None


def _picture_inputs(config: Vgg16Config | AlexNetConfig | InceptionConfig | ArcFaceConfig) -> tuple:
    return (_array(1, config.size, config.size, 3),)


def _erased_inputs(config: EncoderConfig | SkipConfig) -> tuple:
    side = config.resolution
    return _array(1, side, side, 3), _array(1, side, side, 1)


def _skip_inputs(config: SkipConfig) -> tuple:
    erased, known = _erased_inputs(config)
    return erased, known, erased


def _whole_inputs(config: LayerEncodersConfig) -> tuple:
    return (_array(1, config.resolution, config.resolution, 3),)


def _seen_inputs(config: PspConfig) -> tuple:
    return (_array(1, *config.input_size, config.seen_channels),)


def _mixer_inputs(config: MixerConfig) -> tuple:
    return (_array(1, config.num_ws, config.w_dim),) * 2


_GENERATORS = {"stylegan2": _Kind(GeneratorConfig, Generator, _generator_inputs)}
_DISCRIMINATORS = {
    "stylegan2": _Kind(DiscriminatorConfig, Discriminator, _discriminator_inputs),
    "projected": _Kind(
        ProjectedConfig,
        ProjectedDiscriminator,
        lambda config: (_array(1, config.size, config.size, 3),),
        lambda config: {"features": {config.feature_network: load_features(config.feature_network).variables}},
    ),
}
_ENCODERS = {
    # Of erased pictures, for inpainting: (erased, known) -> offsets.
    "style": _Kind(EncoderConfig, StyleEncoder, _erased_inputs),
    # The same network for whole pictures, and those of pSp, e4e and ReStyle; see `models.encoders.encode`.
    "whole": _Kind(WholeConfig, StyleEncoder, _erased_inputs),
    "psp": _Kind(PspConfig, lambda config, compute: PspEncoder(config), _seen_inputs),
}
_FEATURES = {
    "vgg16": _Kind(Vgg16Config, lambda config, compute: ConvNet(config), _picture_inputs),
    "alexnet": _Kind(AlexNetConfig, lambda config, compute: ConvNet(config), _picture_inputs),
    "inception": _Kind(InceptionConfig, lambda config, compute: Inception(config), _picture_inputs),
    "arcface": _Kind(ArcFaceConfig, lambda config, compute: ArcFace(config), _picture_inputs),
}
# The first kind of a part is what a config means that names none.
_PARTS: dict[str, dict[str, _Kind]] = {
    "generator": _GENERATORS,
    "generator_raw": _GENERATORS,
    "discriminator": _DISCRIMINATORS,
    "encoder": _ENCODERS,
    "features": _FEATURES,
    "layers": {"bau": _Kind(LayerEncodersConfig, lambda config, compute: LayerEncoders(config), _whole_inputs)},
    "mixer": {"gated": _Kind(MixerConfig, lambda config, compute: Mixer(config), _mixer_inputs)},
    "skip": {"unet": _Kind(SkipConfig, SkipEncoder, _skip_inputs)},
}
