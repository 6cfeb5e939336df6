"""Options that recipes leave open, chosen by rules: by resolution and devices, or by the model to start from."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax

from ganinv_jax.core import folders
from ganinv_jax.core.configs import check, from_dict, to_dict
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig, MappingConfig, SynthesisConfig

Options = dict[str, Any]
Platform = Literal["cpu", "gpu", "tpu"]

SMALL = 128
"""The largest side in pixels for which networks and rates are those for a small processor."""


class Hardware(NamedTuple):
    """How many devices a run began on, and of which platform: 'cpu', 'gpu' or 'tpu'; None where no record says so."""

    devices: int
    platform: str | None


def fill_in(values: Mapping[str, Any], config: type, hardware: Hardware | None = None) -> Options:
    """A recipe's plain options with what they leave open as the rules of its `auto` have it; as they are without one.

    config: the dataclass that they become; the type of its `auto` has the rules, as `rules(values)`.
    hardware: what `auto.devices` and `auto.platform` are where the recipe leaves them open; None stands for all devices
    of all processes.
    """
    if values.get("auto") is None or "auto" not in typing.get_type_hints(config):
        return dict(values)
    kind = typing.get_args(typing.get_type_hints(config)["auto"])[0]
    auto = from_dict(kind, values["auto"])
    hardware = hardware or Hardware(jax.device_count(), jax.default_backend())
    left_open = {name: value for name, value in hardware._asdict().items() if getattr(auto, name) is None}
    auto = dataclasses.replace(auto, **left_open)
    given = {**values, "auto": to_dict(auto)}
    return _merged(auto.rules(given), given)


@dataclasses.dataclass(frozen=True)
class GanAuto:
    """Rules for a GAN, those of `--cfg=auto` in `train.py` of NVlabs/stylegan2-ada-pytorch.

    devices: how many to go by. platform: 'cpu', 'gpu' or 'tpu'; bf16 is for the latter two, since XLA gains nothing by
        it on a CPU. None stands for those that the run begins on. A resumed run keeps both.
    """

    resolution: int
    devices: int | None = None
    platform: Platform | None = None

    def __post_init__(self):
        side = self.resolution
        check(side >= 8 and _is_power(side), f"auto.resolution must be a power of two from 8 up, but it is {side}.")
        check(
            self.devices is None or _is_power(self.devices),
            f"Automatic options need a power of two of devices, but there are {self.devices}; give the number to go by "
            "as --config.auto.devices, and a --config.batch_size that your devices divide.",
        )

    def rules(self, given: Mapping[str, Any]) -> Options:
        """Every option of `GanConfig` but the data; NVIDIA's `--resume` where training goes on from a model."""
        resolution, devices = self.resolution, self.devices or 1
        resume = bool(given.get("init_from"))
        batch = max(min(devices * min(4096 // resolution, 32), 64), devices)
        widths = {"channel_base": 32768 if resolution >= 512 else 16384, "num_fp16_res": 4, "conv_clamp": 256.0}
        synthesis = SynthesisConfig(**widths)
        # Here groups are drawn from the whole batch, but of the size that they would have in one device's part.
        labels = (given.get("generator") or {}).get("c_dim", 0)
        judge = DiscriminatorConfig(resolution, c_dim=labels, mbstd_group_size=min(batch // devices, 4), **widths)
        optimizer = {"learning_rate": 2e-3 if resolution >= 1024 else 2.5e-3, "b1": 0.0, "b2": 0.99}
        stylegan2 = {
            "network": to_dict(judge),
            "r1_gamma": 0.0002 * resolution**2 / batch,
            "augment": "bgc",
            "controller": {"kimg": 100.0 if resume else 500.0},
            "optimizer": dict(optimizer),
        }
        return {
            "batch_size": batch,
            "generator": to_dict(GeneratorConfig(resolution, mapping=MappingConfig(2), synthesis=synthesis)),
            "optimizer": optimizer,
            "pl_weight": 2.0,
            "style_mixing": 0.9,
            "ema_kimg": batch * 10 / 32,
            "ema_rampup": None if resume else 0.05,
            "compute": _compute(self.platform),
            **({} if given.get("projected") else {"stylegan2": stylegan2}),
        }


@dataclasses.dataclass(frozen=True)
class _OnModel:
    """devices, platform: as in GanAuto."""

    devices: int | None = None
    platform: Platform | None = None

    def __post_init__(self):
        check(self.devices is None or self.devices > 0, f"auto.devices must be positive, but it is {self.devices}.")


class InpaintAuto(_OnModel):
    """Rules for an inpainter, by the model that it starts from: those of this project's recipes for 64 and 256 px."""

    def rules(self, given: Mapping[str, Any]) -> Options:
        """Preset, batch, rate and weights by the resolution, and the model's own discriminator as far as it has one.

        Up to SMALL px completions of photos are held apart in stage 1, and stage 2's skip encoder is a deep one, as at
        64 px; for 256 px there is no recipe of this project that was trained with either. The sample grids show the
        photos, where there are any, beside generated pictures.

        Raises InputError where `init_from` is no model with a generator.
        """
        model, resolution = _model(given)
        small, devices = resolution <= SMALL, self.devices or 1
        judge, photos = _judge(model.get("discriminator"), resolution, given), given.get("photos")
        trains = tuple(given.get("trains", ("encoder", "mixer")))
        rate = {"learning_rate": 3e-4, "warmup": 100} if small else {"learning_rate": 1e-4, "warmup": 500}
        # A quarter of it are photos, which the devices must divide too.
        batch = _up(16 if small else 8, 4 * devices, judge)
        more: Options = {"options": {"skip": {"blocks": 3}}} if small else {}
        if small and trains == ("skip",):
            rate = {"learning_rate": 1e-3, "warmup": 200}
            more["weights"] = {"perceptual": 0.25}
        elif small and "mixer" in trains and isinstance(photos, Mapping):
            enough = given.get("batch_size", batch) * photos.get("fraction", 0.25) >= 2
            more |= {"weights": {"diversity": 0.25}, "diversity_share": 0.3} if enough else {}
        return {
            "preset": "light" if small else "psp",
            "batch_size": batch,
            "optimizer": {**rate, "b1": 0.9, "b2": 0.99},
            "show": {"source": photos.get("source") if isinstance(photos, Mapping) else None},
            "compute": _compute(self.platform),
            **_merged(more, judge),
        }


class EncodeAuto(_OnModel):
    """Rules for an encoder of whole pictures, by the model that it starts from: those of this project's recipes."""

    def rules(self, given: Mapping[str, Any]) -> Options:
        """Preset, batch, rate and weights by the resolution, and the model's own discriminator as far as it has one.

        A device takes 16 pictures, up to idinvert's 128 in all, or 16 up to SMALL px. Raises InputError where
        `init_from` is no model with a generator.
        """
        model, resolution = _model(given)
        small, devices = resolution <= SMALL, self.devices or 1
        judge = _judge(model.get("discriminator"), resolution, given)
        if "stylegan2" in judge:
            judge["stylegan2"]["r1_interval"] = 1
        return {
            "preset": "light" if small else "psp",
            "batch_size": _up(min(16 * devices, 16 if small else 128), devices, judge),
            "optimizer": {"learning_rate": 3e-4 if small else 1e-4, "warmup": 100, "b1": 0.9, "b2": 0.99},
            "compute": _compute(self.platform),
            **_merged({"weights": {"perceptual": 0.5 if small else 0.1}}, judge),
        }


def _model(given: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The config of the folder `init_from`, and its generator's resolution."""
    source = str(given.get("init_from"))
    model = folders.load_config(folders.find(source))
    check("generator" in model, f"init_from must hold a generator, but {source} does not; name another model.")
    return model, from_dict(GeneratorConfig, model["generator"]).resolution


def _judge(options: Mapping[str, Any] | None, resolution: int, given: Mapping[str, Any]) -> Options:
    """The discriminator of a model folder as an opponent in training; without one, StyleGAN2's, fresh."""
    network = dict(options or GanAuto(resolution, 1).rules({})["stylegan2"]["network"])
    kind = network.pop("kind", "stylegan2")
    if given.get("projected" if kind == "stylegan2" else "stylegan2"):
        return {}  # The recipe describes one of the other kind.
    if kind == "projected":
        return {"projected": {"network": network}, "weights": {"adversarial": 0.02}}
    adam = {"learning_rate": 1e-4, "b1": 0.9, "b2": 0.99}
    return {"stylegan2": {"network": network, "r1_gamma": 10.0, "augment": None, "optimizer": adam}}


def _up(batch: int, parts: int, judge: Options) -> int:
    """The batch, made larger until `parts` and the groups that the discriminator compares divide it."""
    network = next((options["network"] for options in judge.values() if "network" in options), {})
    unit = math.lcm(parts, network.get("mbstd_group_size") or network.get("spread_group") or 1)
    return math.ceil(batch / unit) * unit


def _compute(platform: str | None) -> str:
    return "bf16" if platform in ("gpu", "tpu") else "fp32"


def _is_power(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Options:
    """Nested tables put together; `over` wins."""
    both = {
        name: _merged(under[name], value)
        for name, value in over.items()
        if isinstance(value, Mapping) and isinstance(under.get(name), Mapping)
    }
    return {**under, **over, **both}
