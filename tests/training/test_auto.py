"""Options by rule: NVIDIA's outcomes, what an override does to them, and what a resumed run keeps."""

from types import SimpleNamespace
from typing import Any

import jax
import pytest

from ganinv_jax.core import folders
from ganinv_jax.core.configs import to_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import DiscriminatorConfig, GeneratorConfig
from ganinv_jax.training import config, record
from ganinv_jax.training.auto import Hardware

OFFICIAL = [  # side, GPUs -> mb, mbstd, fmaps, lrate, gamma, ema
    (32, 1, 32, 4, 0.5, 0.0025, 0.0064, 10),
    (64, 1, 32, 4, 0.5, 0.0025, 0.0256, 10),
    (128, 1, 32, 4, 0.5, 0.0025, 0.1024, 10),
    (256, 1, 16, 4, 0.5, 0.0025, 0.8192, 5),
    (512, 1, 8, 4, 1, 0.0025, 6.5536, 2.5),
    (1024, 1, 4, 4, 1, 0.002, 52.4288, 1.25),
    (64, 2, 64, 4, 0.5, 0.0025, 0.0128, 20),
    (256, 8, 64, 4, 0.5, 0.0025, 0.2048, 20),
    (512, 4, 32, 4, 1, 0.0025, 1.6384, 10),
    (1024, 8, 32, 4, 1, 0.002, 6.5536, 10),
    (64, 32, 64, 2, 0.5, 0.0025, 0.0128, 20),
    (64, 128, 128, 1, 0.5, 0.0025, 0.0064, 40),
]
"""What `--cfg=auto` comes to, worked out by hand from `train.py` of NVlabs/stylegan2-ada-pytorch."""


def load(*options: str, recipe: str = "gan_custom", hardware: Hardware | None = None):
    return config.load(recipe, [f"config.{option}" for option in options], hardware).config


@pytest.mark.parametrize("row", OFFICIAL, ids=str)
def test_the_rules_are_nvidias(row):
    side, devices, batch, group, widths, rate, gamma, ema = row
    found = load(f"auto.resolution={side}", f"auto.devices={devices}")
    generator, judge = found.generator, found.stylegan2
    assert (found.batch_size, judge.network.mbstd_group_size) == (batch, group)
    assert generator.synthesis.channel_base == judge.network.channel_base == widths * 32768
    assert found.optimizer.learning_rate == judge.optimizer.learning_rate == rate
    assert judge.r1_gamma == pytest.approx(gamma) and found.ema_kimg == ema and found.ema_rampup == 0.05
    assert (generator.resolution, generator.mapping.num_layers) == (side, 2)
    assert (found.pl_weight, found.style_mixing, judge.augment, judge.controller.kimg) == (2, 0.9, "bgc", 500)


def test_a_given_option_stands_and_no_rule_follows_it():
    plain, changed = load(), load("batch_size=64", "stylegan2.network.freeze_layers=4", "init_from=models/other")
    assert changed.batch_size == 64 and changed.stylegan2.r1_gamma == plain.stylegan2.r1_gamma  # as NVIDIA's --batch
    assert changed.stylegan2.network.freeze_layers == 4 and changed.stylegan2.network.mbstd_group_size == 4
    projected = load("projected.augment=")
    assert projected.stylegan2 is None and projected.projected.augment == ""


def test_labels_reach_the_discriminator_that_the_rules_make():
    assert load("generator.c_dim=3").stylegan2.network.c_dim == 3


def test_from_a_trained_network_as_nvidias_resume():
    found = load("init_from=models/other")
    assert found.ema_rampup is None and found.stylegan2.controller.kimg == 100


def test_devices_are_those_that_the_run_began_on(tmp_path):
    found, began_on = load().auto, Hardware(8, "tpu")
    assert (found.devices, found.platform) == (jax.device_count(), "cpu") and record.began_on(tmp_path) is None
    began = load("auto.resolution=64", hardware=began_on)
    task: Any = SimpleNamespace(name="gan", config=began, frozen={}, free_options=frozenset())
    record.write(tmp_path, task, config.LoopSettings(1.0))
    assert record.began_on(tmp_path) is None  # Before the first checkpoint a run may still become another.
    (tmp_path / record.CHECKPOINTS / "5").mkdir(parents=True)
    assert record.began_on(tmp_path) == began_on
    task.config = load("auto.resolution=64", hardware=record.began_on(tmp_path))
    assert task.config == began
    record.check_same(tmp_path, task)
    task.config = load("auto.resolution=64", "auto.devices=1", hardware=began_on)
    with pytest.raises(InputError, match="began with config.auto.devices = 8, but now it is 1"):
        record.check_same(tmp_path, task)


def test_half_precision_is_for_accelerators():
    chosen = {platform: load(hardware=Hardware(1, platform)).compute for platform in ("cpu", "gpu", "tpu", None)}
    assert chosen == {"cpu": "fp32", "gpu": "bf16", "tpu": "bf16", None: "fp32"}  # None: an older run's record.
    assert load("compute=source", hardware=Hardware(1, "gpu")).compute == "source"
    inpainter = load("init_from=cat64", recipe="inpaint_custom_stage1", hardware=Hardware(1, "gpu"))
    assert inpainter.compute == "bf16"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("auto.devices=3", "power of two of devices, but there are 3"),
        ("auto.resolution=48", "auto.resolution must be a power of two from 8 up, but it is 48"),
        ("auto.platform=cuda", "platform must be one of"),
        ("auto.size=64", "config.auto has no option 'size'"),
    ],
)
def test_bad_options(option, message):
    with pytest.raises(InputError, match=message):
        load(option)


def test_an_inpainter_follows_its_model(tmp_path):
    stage1: Any = {"recipe": "inpaint_custom_stage1", "hardware": Hardware(1, "cpu")}
    cats = load("init_from=cat64", **stage1)
    assert (cats.preset, cats.batch_size, cats.optimizer.learning_rate) == ("light", 16, 3e-4)
    assert cats.stylegan2 is None and cats.projected.network.spread_group == 0  # As `gan_cat64` trained it.
    for stage in ("stage1", "stage2"):
        like = config.load(f"inpaint_cat64_{stage}").config
        found = load("init_from=cat64", recipe=f"inpaint_custom_{stage}", hardware=Hardware(1, "cpu"))
        for name in ("batch_size", "options", "optimizer", "weights"):
            assert getattr(found, name) == getattr(like, name), (stage, name)
        assert stage == "stage2" or found.diversity_share == like.diversity_share
    assert load("init_from=cat64", "batch_size=4", **stage1).weights.diversity == 0  # a single photo has no other
    cats = load("init_from=cat64", recipe="inpaint_custom_stage2", hardware=Hardware(8, "cpu"))
    assert (cats.batch_size, cats.photo_count, cats.optimizer.learning_rate) == (32, 8, 1e-3)
    with pytest.raises(InputError, match="PhotosConfig must be given as a table"):  # photos.source was meant
        load("init_from=cat64", "photos=fruit/", **stage1)
    assert cats.show.source == cats.photos.source  # What is looked at are the user's own pictures.
    large, own = tmp_path / "large", tmp_path / "own"
    folders.save(large, {"generator": to_dict(GeneratorConfig(256))}, {})
    found = load(f"init_from={large}", **stage1)
    assert (found.preset, found.batch_size, found.optimizer.learning_rate) == ("psp", 8, 1e-4)
    assert (found.stylegan2.network.resolution, found.weights.adversarial) == (256, 0.1)
    judge = DiscriminatorConfig(64, channel_max=24)
    folders.save(own, {"generator": to_dict(GeneratorConfig(64)), "discriminator": to_dict(judge)}, {})
    assert load(f"init_from={own}", **stage1).stylegan2.network == judge
    other = load("init_from=cat64", "stylegan2.r1_gamma=1", "stylegan2.network.resolution=64", **stage1)
    assert other.projected is None and other.stylegan2.r1_gamma == 1
    with pytest.raises(InputError, match="There is no model 'nowhere'"):
        load("init_from=nowhere", **stage1)


def test_an_encoder_follows_its_model(tmp_path):
    cats = load("init_from=cat64", recipe="encoder_custom", hardware=Hardware(1, "cpu"))
    small = config.load("encoder_cat64").config
    for name in ("preset", "batch_size", "optimizer", "weights", "stylegan2"):
        assert getattr(cats, name) == getattr(small, name), name
    assert cats.projected.network == small.projected.network
    large = tmp_path / "large"
    judge = DiscriminatorConfig(256, mbstd_group_size=8)
    folders.save(large, {"generator": to_dict(GeneratorConfig(256)), "discriminator": to_dict(judge)}, {})
    found = load(f"init_from={large}", recipe="encoder_custom", hardware=Hardware(4, "gpu"))
    assert (found.preset, found.batch_size, found.optimizer.learning_rate) == ("psp", 64, 1e-4)
    assert (found.stylegan2.network, found.stylegan2.r1_interval, found.weights.adversarial) == (judge, 1, 0.08)
    assert (cats.compute, found.compute) == ("fp32", "bf16")
    began_on = [Hardware(n, "gpu") for n in (1, 3, 8, 32, 256)]
    sizes = {on.devices: load(f"init_from={large}", recipe="encoder_custom", hardware=on).batch_size for on in began_on}
    assert sizes == {1: 16, 3: 48, 8: 128, 32: 128, 256: 256}
    with pytest.raises(InputError, match="There is no model 'nowhere'"):
        load("init_from=nowhere", recipe="encoder_custom")
