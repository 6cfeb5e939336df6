"""Every target at tiny size: its cases can be run, and say what is in them."""

import jax
import numpy as np
import pytest

from ganinv_jax.benchmarks.case import Contestant
from ganinv_jax.benchmarks.cases import TARGETS
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core.errors import InputError

# What compiles long is left to the slow tests: whole training steps, and looks through Lite0 with their gradients.
SLOW = pytest.mark.slow


def first_case(target, **changes):
    cases = TARGETS[target](Options(**({"preset": "tiny", "resolution": 8, "batch": 2, "repeats": 1} | changes)))
    return cases, next(cases)


@pytest.mark.parametrize("target", ["ops", "synthesis", "discriminator", "inpainting"])
def test_networks(target):
    _, case = first_case(target)
    for contestant in case.contestants.values():
        for leaf in jax.tree.leaves([part.call() for part in contestant.parts.values()]):
            assert np.isfinite(leaf).all()
        assert contestant.cost.flops > 0 and contestant.cost.memory > 0 and contestant.cost.compile_seconds > 0
    assert case.settings["batch"] == 2


def test_implementations_are_compared():
    _, case = first_case("ops", implementations=("lax", "reference"))
    assert list(case.contestants) == ["jax lax", "jax reference"]


def test_steps_are_compared_with_pytorchs_in_fp32():
    with pytest.raises(InputError, match="gan-step must run in fp32 for a comparison with PyTorch, but got bf16"):
        first_case("gan-step", dtype="bf16", against="torch")


def test_ops_are_those_of_the_network():
    names = [(case.name, case.settings["shape"], case.settings["mode"]) for case in TARGETS["ops"](tiny_ops())]
    assert names[:2] == [("modulated_conv", "4x4x8", "forward"), ("modulated_conv", "4x4x8", "gradient")]
    assert ("modulated_conv up", "4x4x8", "forward") in names and ("upfirdn2d", "9x9x8", "forward") in names
    assert len(names) == 2 * (2 + 4)


def tiny_ops():
    return Options(preset="tiny", resolution=8, batch=1)


def test_loader():
    cases, case = first_case("loader")
    assert case.settings["from"] == "files" and case.count == 2 * 16
    case.contestants["loader"].parts[""].call()
    assert next(cases).settings["from"] == "memory"


def test_startup():
    _, case = first_case("startup")
    assert case.settings["until"] == "import"
    case.contestants["process"].parts[""].call()


@SLOW
def test_gan_step_counts_each_kind_of_step_as_often_as_it_comes():
    _, case = first_case("gan-step")
    parts = case.contestants["jax auto"].parts
    assert {name: part.share for name, part in parts.items()} == {
        "step, path length, R1": 1 / 16,
        "step": 12 / 16,
        "step, path length": 3 / 16,
    }
    for part in parts.values():
        part.call()


@SLOW
def test_inversion():
    _, case = first_case("inversion")
    part = case.contestants["jax auto"].parts[""]
    assert part.share == 1 / 20 and np.isfinite(part.call().losses["total"]).all()


RECIPE = """
def get_config():
    network = {"resolution": 8, "channels": [8, 6]}
    return {
        "task": "gan",
        "batch_size": 8,
        "data": {"source": "none"},
        "generator": {"resolution": 8, "z_dim": 6, "w_dim": 6, "synthesis": {"channels": [8, 6]}},
        "stylegan2": {"network": network, "r1_gamma": 0.0, "augment": None},
        "loop": {"total_kimg": 1},
    }
"""


@SLOW
def test_train_takes_the_recipe(tmp_path):
    (tmp_path / "small.py").write_text(RECIPE)
    recipe = str(tmp_path / "small.py")
    _, case = first_case("train", recipes=(recipe,), batch=4)
    assert case.settings["recipe"] == recipe and case.settings["batch"] == 4
    assert list(case.contestants) == ["jax, devices: 1"]
    case.contestants["jax, devices: 1"].parts["step"].call()


INPAINTER = """
def get_config():
    return {
        "task": "inpaint",
        "batch_size": 4,
        "init_from": "a/model/that/nobody/has",
        "trains": TRAINS,
        "photos": {"source": "none"},
        "loop": {"total_kimg": 1},
    }
"""


def test_train_takes_recipes_that_show_photos(monkeypatch):
    """The pictures they name need not be there."""
    monkeypatch.setitem(TARGETS["train"].__globals__, "jax_contestant", lambda *given: Contestant.of(lambda: None))
    options = {"resolution": 16, "batch": 16}
    for recipe in ("inpaint_custom_stage1", "encoder_custom"):
        assert first_case("train", recipes=(recipe,), **options)[1].count == 16
    with pytest.raises(InputError, match="recipes of GANs, inpainters and encoders, but layers_cat64 trains layers"):
        first_case("train", recipes=("layers_cat64",), **options)


@pytest.mark.parametrize("trains", [("encoder", "mixer"), ("skip",)])
def test_train_makes_up_what_an_inpainter_starts_from(tmp_path, monkeypatch, trains):
    seen = []

    def contestant(task, batch, mesh):
        seen.append((task, batch, mesh.size))
        return Contestant.of(lambda: None)

    monkeypatch.setitem(TARGETS["train"].__globals__, "jax_contestant", contestant)
    (tmp_path / "small.py").write_text(INPAINTER.replace("TRAINS", repr(trains)))
    options = ("--config.photos.fraction=0.5", "--config.seed=3")
    _, case = first_case("train", recipes=(str(tmp_path / "small.py"),), batch=8, resolution=16, overrides=options)
    ((task, batch, devices),) = seen
    assert devices == 1 and case.settings["resolution"] == 16 and case.count == 8
    assert {name: len(rows) for name, rows in batch.items()} == {"hole": 8, "image": 4}
    assert task.seed == 3 and task.config.trains == trains and set(trains).isdisjoint(task.frozen["model"])
