"""The options of NVIDIA's TensorFlow networks: sizes from their tensors, all else from what they were made with.

Defaults are those of `G_main`, `G_mapping`, `G_synthesis` and `D_main` in training/networks.py of stylegan2-ada, and of
their counterparts in training/networks_stylegan2.py of stylegan2.
"""

import re
from collections.abc import Set
from typing import Any

from conversion.state_dicts import count_of
from conversion.stylegan2 import DEFAULT_KERNEL, LARGEST, width_options
from conversion.tf_networks import TfNetwork
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig


def generator_config(network: TfNetwork) -> GeneratorConfig:
    """Raises InputError where options are not known or not supported, or contradict the tensors."""
    _check_options(network, _GENERATOR)
    resolution = _resolution(network, "synthesis/")
    widths = [network.shape(f"synthesis/{layer}/weight", 4)[3] for layer in _layers(resolution, "4x4/Conv", "Conv1")]
    latent, hidden = network.shape("mapping/Dense0/weight", 2)
    labels, embedding = _label_sizes(network, "mapping/LabelEmbed/weight")
    sizes = {
        "resolution": resolution,
        "latent_size": latent - embedding,
        "label_size": labels,
        "dlatent_size": network.shape("synthesis/4x4/Conv/mod_weight", 2)[0],
        "num_channels": network.shape(f"synthesis/{resolution}x{resolution}/ToRGB/weight", 4)[3],
        "mapping_layers": count_of(network.tensors, r"mapping/Dense(\d+)/"),
    }
    optional = {"mapping_fmaps": hidden} if sizes["mapping_layers"] > 1 else {}
    _check_sizes(network, sizes | optional | ({"label_fmaps": embedding} if labels else {}), _GENERATOR_SIZES)
    given = network.options.get
    synthesis = {"architecture": given("architecture", "skip"), "use_noise": given("use_noise", True)}
    return from_dict(
        GeneratorConfig,
        {
            "resolution": resolution,
            "z_dim": sizes["latent_size"],
            "c_dim": labels,
            "w_dim": sizes["dlatent_size"],
            "img_channels": sizes["num_channels"],
            "mapping": _mapping_options(network, sizes, hidden, embedding),
            "synthesis": synthesis | _layer_options(network) | width_options(widths),
        },
    )


def discriminator_config(network: TfNetwork) -> DiscriminatorConfig:
    """Raises InputError where options are not known or not supported, or contradict the tensors."""
    _check_options(network, _DISCRIMINATOR)
    resolution = _resolution(network, "")
    entering = [network.shape(f"{layer}/weight", 4)[2] for layer in _layers(resolution, "4x4/Conv", "Conv0")[1:]]
    widths = [network.shape("4x4/Conv/weight", 4)[3], *entering]
    labels, embedding = _label_sizes(network, "LabelEmbed/weight")
    sizes = {
        "resolution": resolution,
        "label_size": labels,
        "num_channels": network.shape(f"{resolution}x{resolution}/FromRGB/weight", 4)[2],
        "mapping_layers": count_of(network.tensors, r"Mapping(\d+)/"),
    }
    _check_sizes(network, sizes | ({"mapping_fmaps": embedding} if labels else {}), _DISCRIMINATOR_SIZES)
    given = network.options.get
    group, maps = _statistics(network)
    return from_dict(
        DiscriminatorConfig,
        {
            "resolution": resolution,
            "c_dim": labels,
            "img_channels": sizes["num_channels"],
            "architecture": given("architecture", "resnet"),
            "freeze_layers": given("freeze_layers", 0),
            "mbstd_group_size": group,
            "mbstd_num_channels": maps,
            **_layer_options(network),
            **width_options(widths),
            **(_projection_options(network, sizes, widths[0], embedding) if labels else {}),
        },
    )


_GENERATOR_SIZES = {
    "resolution": 1024,
    "latent_size": 512,
    "label_size": 0,
    "dlatent_size": 512,
    "num_channels": 3,
    "mapping_layers": 8,
}
_DISCRIMINATOR_SIZES = {"resolution": 1024, "label_size": 0, "num_channels": 3, "mapping_layers": 0}

# Widths, which are taken from the tensors: versions and layers differ in the default.
_WIDTHS = {"fmap_base", "fmap_decay", "fmap_min", "fmap_max", "fmap_const", "mapping_fmaps", "label_fmaps"}
_LAYERS = {"architecture", "nonlinearity", "num_fp16_res", "conv_clamp", "resample_kernel", "mapping_lrmul"}
_GENERATOR = {
    *(*_GENERATOR_SIZES, *_WIDTHS, *_LAYERS),
    *("mapping_nonlinearity", "dlatent_avg_beta", "w_avg_beta", "use_noise"),
}
_DISCRIMINATOR = {
    *(*_DISCRIMINATOR_SIZES, *_WIDTHS, *_LAYERS),
    *("mbstd_group_size", "mbstd_num_features", "freeze_layers"),
}

# How a network is run or trained; the folder's user says that anew.
_IGNORED = {
    *("truncation_psi", "truncation_cutoff", "truncation_psi_val", "truncation_cutoff_val", "style_mixing_prob"),
    *("randomize_noise", "fused_modconv", "structure", "conditioning", "return_dlatents"),
    *("augment_strength", "pagan_num", "pagan_fade"),
}
# What changes the arithmetic, and the one way of it (or the same under two names) that is supported.
_FIXED = {
    "adaptive_dropout": (0,),
    "dtype": ("float32",),
    "mapping_func": ("G_mapping",),
    "normalize_latents": (True,),
    "score_max": (1,),
    "score_size": (1,),
    "synthesis_func": ("G_synthesis", "G_synthesis_stylegan2"),
    "use_pagan": (False,),
    "use_spectral_norm": (False,),
}


def _check_options(network: TfNetwork, known: Set[str]) -> None:
    for key, value in network.options.items():
        if value not in _FIXED.get(key, (value,)):
            expected = " or ".join(map(repr, _FIXED[key]))
            raise InputError(f"{network.name} must have {key} {expected} to be supported, but was made with {value!r}.")
        if key not in known | _IGNORED | _FIXED.keys():
            raise InputError(
                f"{network.name} was made with the option {key!r}, which the networks of stylegan2 and stylegan2-ada "
                "do not have; those of other codes are not supported."
            )
    if network.version == 4 and network.options.get("label_size"):
        raise InputError(
            f"{network.name} takes labels as stylegan2 of 2019 does (LabelConcat), which is not supported; networks "
            "with labels that stylegan2-ada made are."
        )


def _check_sizes(network: TfNetwork, sizes: dict[str, int], defaults: dict[str, int]) -> None:
    """Where neither the options nor `defaults` state a size, that of the tensors stands."""
    for key, size in sizes.items():
        stated = network.options.get(key, defaults.get(key))
        if stated not in (None, size):
            raise InputError(
                f"{network.name} was made with {key} {stated!r}, but its tensors are for {size}; fetch the file again."
            )


def _resolution(network: TfNetwork, prefix: str) -> int:
    """The largest side that a block's name gives."""
    found = [re.match(rf"{prefix}(\d{{1,5}})x\1/", name) for name in network.tensors]
    sides = {int(match[1]) for match in found if match}
    largest = max(sides, default=0)
    if not 8 <= largest <= LARGEST or largest & (largest - 1):
        blocks = ", ".join(f"{side}x{side}" for side in sorted(sides)[-4:]) or "none"
        raise InputError(
            f"{network.name} must have blocks up to a power of two from 8 to {LARGEST}, but the largest are {blocks}."
        )
    return largest


def _layers(resolution: int, first: str, name: str) -> list[str]:
    """One layer of each block, from 4x4 up."""
    return [first, *(f"{2**k}x{2**k}/{name}" for k in range(3, resolution.bit_length()))]


def _label_sizes(network: TfNetwork, weight: str) -> tuple[int, ...]:
    """Labels, and the width that they are embedded to; zeros without labels."""
    return network.shape(weight, 2) if weight in network.tensors else (0, 0)


def _mapping_options(network: TfNetwork, sizes: dict[str, int], hidden: int, embedding: int) -> dict[str, Any]:
    given, width = network.options.get, sizes["dlatent_size"]
    decay = given("dlatent_avg_beta", given("w_avg_beta", 0.995))
    return {
        "num_layers": sizes["mapping_layers"],
        "embed_features": None if embedding in (0, width) else embedding,
        "layer_features": None if sizes["mapping_layers"] == 1 or hidden == width else hidden,
        "activation": given("mapping_nonlinearity", "lrelu"),
        "lr_multiplier": given("mapping_lrmul", 0.01),
        "w_avg_beta": 1.0 if decay is None else decay,  # None stops the average, which the file holds all the same
    }


def _projection_options(network: TfNetwork, sizes: dict[str, int], last: int, embedding: int) -> dict[str, Any]:
    """How labels enter: `last` is the width of the 4x4 block, the default of the projection."""
    given, width = network.options.get, network.shape("Output/weight", 2)[1]
    mapping = {
        "num_layers": sizes["mapping_layers"],
        "embed_features": None if embedding == width else embedding,
        "activation": given("nonlinearity", "lrelu"),
        "lr_multiplier": given("mapping_lrmul", 0.1),
        "w_avg_beta": None,
    }
    return {"cmap_dim": None if width == last else width, "mapping": mapping}


def _layer_options(network: TfNetwork) -> dict[str, Any]:
    given = network.options.get
    kernel = given("resample_kernel", DEFAULT_KERNEL)
    return {
        "num_fp16_res": given("num_fp16_res", 0),
        "conv_clamp": given("conv_clamp"),
        "activation": given("nonlinearity", "lrelu"),
        "resample_kernel": (1.0, 1.0) if kernel is None else kernel,  # None is a box filter
    }


def _statistics(network: TfNetwork) -> tuple[Any, Any]:
    """Group size (None: the whole batch) and maps of the minibatch standard deviation.

    Where the file does not say the group size it is the whole batch, as in stylegan2-ada's code, and for both versions
    in NVIDIA's converter (legacy.py of stylegan3): scores are those of the same file opened there. stylegan2's own code
    takes groups of 4, which is the same for batches of up to 4; a training that goes on says the size in its recipe.
    """
    group, maps = network.options.get("mbstd_group_size"), network.options.get("mbstd_num_features", 1)
    without = network.version == 4 and isinstance(group, int) and group <= 1  # stylegan2 leaves the statistic out then
    return (4, 0) if without else (group, maps)
