"""The command `ganinv invert`."""

import inspect
import json

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.cli.invert import NO_OPTIONS
from ganinv_jax.cli.main import main
from ganinv_jax.inversion import METHODS, TASKS
from ganinv_jax.pipelines.invert import invert
from ganinv_jax.training.stopping import StopRequest


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for index, name in enumerate(("cat.png", "dog.png")):
        array = np.random.default_rng(index).integers(0, 256, (20, 18, 3), np.uint8)
        Image.fromarray(array).save(folder / name)
    return [str(folder / "cat.png"), str(folder / "dog.png")]


def arguments(folder, photos, out, *more):
    return ["invert", *photos, "--model", str(folder), "--method", "csgm", "--steps", "24", "--out", str(out), *more]


def test_files_and_report(folder, photos, tmp_path, works):
    told = works(*arguments(folder, photos, tmp_path, "--option", "restarts=1", "--seed", "5"))
    assert "Wrote the codes of 2 photos" in told
    for name in ("cat", "dog"):
        files = {file.name for file in (tmp_path / name).iterdir()}
        assert files == {"reconstruction.png", "state.npz", "losses.csv", "losses.png"}
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["method"], report["seed"], report["steps"]) == ("csgm", 5, 24)
    assert [entry["name"] for entry in report["pictures"]] == ["cat", "dog"]


def test_help_names_every_method_and_task(capsys):
    with pytest.raises(SystemExit):
        main(["invert", "--help"])
    told = "".join(capsys.readouterr().out.split())  # lines may end within a name
    assert [name for name in (*METHODS, *TASKS) if name not in told] == []


def test_a_stop_writes_the_best_so_far(folder, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(StopRequest, "requested", True)
    assert main(arguments(folder, photos, tmp_path)) == 3
    assert "Stopped after 20 steps" in capsys.readouterr().err
    assert (tmp_path / "dog" / "reconstruction.png").exists()
    assert json.loads((tmp_path / "report.json").read_text())["stopped"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--option", "codes"], "must be NAME=VALUE"),
        (["--option", "codes=3"], "no option 'codes'"),
        (["--option", "steps=3"], "must name an option of the method or the task, not 'steps'"),
        (["--option", "self=3"], "no option 'self'"),
        (["--option", "restarts=many"], "restarts must be of type int, but got 'many'"),
        (["--class-idx", "1"], "This model has no classes"),
        (["--task", "painting"], "did you mean 'inpainting'"),
        (["--steps", "0"], "steps must be at least 1"),
        (["--method", "encoder", "--steps", "2"], "does not optimise takes no steps, but 2 are asked for"),
    ],
)
def test_bad_arguments(folder, photos, tmp_path, fails, more, message):
    assert message in fails(*arguments(folder, photos, tmp_path, *more))


def test_no_option_has_the_name_of_an_argument():
    assert tuple(inspect.signature(invert).parameters)[:-1] == NO_OPTIONS
