"""`ganinv train` from the outside."""

import pytest

from ganinv_jax.cli.main import main


def test_dry_run_tells_the_plan_and_writes_nothing(tmp_path, recipe, capsys):
    workdir = tmp_path / "run"
    command = ["train", "--config", str(recipe), "--workdir", str(workdir), "--dry-run"]
    assert main([*command, "--config.batch_size=16"]) == 0
    told = capsys.readouterr().out
    for part in ("15 steps, 240 images", "velocity", "every 0.08 kimg", "Memory a device"):
        assert part in told
    assert not workdir.exists()


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
    ],
)
def test_bad_input_exits_with_2(tmp_path, recipe, capsys, option, message):
    assert main(["train", "--config", str(recipe), "--workdir", str(tmp_path / "run"), option]) == 2
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1
    assert not (tmp_path / "run").exists()
