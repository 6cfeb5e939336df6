"""`ganinv train` from the outside."""

import re
import sys
from pathlib import Path

import jax
import pytest
import tiny_tasks

from ganinv_jax.cli.main import main

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import save_tiny_model


def test_dry_run_tells_the_plan_and_writes_nothing(tmp_path, recipe, capsys):
    workdir = tmp_path / "run"
    command = ["train", "--config", str(recipe), "--workdir", str(workdir), "--dry-run"]
    assert main([*command, "--config.batch_size=16"]) == 0
    told = capsys.readouterr().out
    for part in ("15 steps, 240 images", "velocity", "every 0.08 kimg", "Memory a device"):
        assert part in told
    assert not workdir.exists()


def test_dry_run_finds_that_no_metric_has_the_name_of_the_best(tmp_path, recipe, capsys):
    command = ["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), "--dry-run"]
    assert main([*command, "--config.loop.best=los"]) == 2
    assert "did you mean 'loss'?" in capsys.readouterr().err


@pytest.fixture
def inpainting(tmp_path):
    """`ganinv train --dry-run` of an inpainter on a quarter of photos."""
    model, photos = save_tiny_model(tmp_path / "model", inpainter=False), tiny_tasks.save_pictures(tmp_path / "photos")
    recipe = tiny_tasks.save_recipe(tmp_path / "inpaint.py", "inpainter", model)
    command = ["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), "--dry-run"]
    return [*command, f"--config.photos.source={photos}"]


@pytest.mark.slow
def test_dry_run_of_an_inpainter_with_photos(tmp_path, inpainting, capsys):
    assert main(inpainting) == 0
    told = capsys.readouterr().out
    for part in ("6 steps, 48 images", "encoder", "mixer", "Memory a device"):
        assert part in told
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_dry_run_on_more_devices_than_photos(inpainting, python):
    done = python("-m", "ganinv_jax", *inpainting, XLA_FLAGS="--xla_force_host_platform_device_count=8")
    assert done.returncode == 0, done.stderr
    assert "batch 8 (1 a device)" in done.stdout


@pytest.mark.slow
def test_the_run_takes_what_the_dry_run_compiled(tmp_path, recipe, python):
    command = ("-m", "ganinv_jax", "train", "--config", recipe, "--workdir", tmp_path / "run")
    programs = []
    for arguments in [(*command, "--dry-run"), command]:
        assert python(*arguments, GANINV_CACHE=str(tmp_path / "cache")).returncode == 0
        programs.append(set((tmp_path / "cache").glob("jit_step_fn-*-cache")))
    assert len(programs[0]) == 1 and len(programs[1]) == 2 and programs[0] < programs[1]  # The toy has two variants.


def test_trains_and_starts_from_a_model(tmp_path, recipe):
    command = ["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), "--init-from", "models/cats"]
    assert main(command) == 0
    assert '"init_from": "models/cats"' in (tmp_path / "run/config.json").read_text()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--profile=5", "--profile takes the steps"),
        ("--config.bach_size=3", "did you mean 'batch_size'?"),
        ("--sice=3", "--config.NAME=VALUE"),
        ("--config.batch_size=0", "must be positive"),
        ("--workdir=gs://bucket/run", "--workdir must be a folder, but gs://bucket/run is an address"),
    ],
)
def test_bad_input_exits_with_2(tmp_path, recipe, capsys, option, message):
    assert main(["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), option]) == 2
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_topology_is_for_plans(tmp_path, recipe, capsys, monkeypatch):
    command = ["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), "--topology", "v5e:2x2"]
    assert main(command) == 2 and "give --dry-run too" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "libtpu", None)  # As if it were not installed.
    assert main([*command, "--dry-run"]) == 2
    assert capsys.readouterr().err.count("pip install 'ganinv_jax[tpu-aot]'") == 1


@pytest.mark.tpu
@pytest.mark.slow
def test_plans_for_tpus_that_are_not_here(tmp_path, capsys, no_cache):
    """A GAN on eight devices of two hosts: the whole step goes through the TPU's compiler."""
    pytest.importorskip("libtpu")
    pictures = tiny_tasks.save_pictures(tmp_path / "pictures")
    widths = ["generator.synthesis.channels=(8, 8)", "stylegan2.network.channels=(8, 8)"]
    tiny = ["auto.resolution=8", "generator.z_dim=8", "generator.w_dim=8", *widths, f"data.source={pictures}"]
    command = ["train", "--config", "gan_custom", "--workdir", str(tmp_path / "run"), "--dry-run"]
    assert main([*command, "--topology", "v5e:2x4", *(f"--config.{option}" for option in tiny)]) == 0
    told = capsys.readouterr().out
    assert "Task gan on 8 x TPU v5 lite, batch 64 (8 a device)" in told
    assert re.search(r"Memory a device: \d+ MiB .*estimate for that step.* [0-9.e-]+ s", told, re.DOTALL)


def test_a_step_that_does_not_fit_is_told(tmp_path, recipe, capsys, monkeypatch):
    def refuse(self):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Ran out of memory. Used 17.20G of 15.75G hbm. Exceeded")

    monkeypatch.setattr(jax.stages.Lowered, "compile", refuse)
    assert main(["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert "17.20G are needed, 15.75G are there; give a smaller --config.batch_size" in told
