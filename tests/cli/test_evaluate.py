"""`ganinv evaluate`: what it writes, what it goes on from, and one sentence for what is wrong."""

import dataclasses
import json
import shutil
from unittest.mock import Mock

import jax
import numpy as np
import pytest
from model_folders import SIDE
from PIL import Image
from small_features import formula_networks

import ganinv_jax as ganinv
from ganinv_jax.cli.evaluate.inversion import Task, inverter
from ganinv_jax.core import folders
from ganinv_jax.core.images import grid
from ganinv_jax.evaluation.report import Report
from ganinv_jax.training import loop


@pytest.fixture(autouse=True)
def quick_networks(monkeypatch):
    from ganinv_jax.evaluation import sets

    given = sets.open_networks
    quick = formula_networks()
    monkeypatch.setattr(sets, "open_networks", lambda names: quick if "efficientnet_lite2" in names else given(names))


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path / "pictures"


@pytest.fixture
def evaluated(works, folder, pictures, tmp_path):
    """Runs a protocol on the tiny model; returns the folder and the report."""

    def run(protocol, *options, out="out", model=True):
        given = ["--model", folder] if model else []
        works("evaluate", protocol, "--data", pictures, *given, *options, "--out", tmp_path / out)
        assert not (tmp_path / out / "progress").exists()
        return tmp_path / out, json.loads((tmp_path / out / "report.json").read_text())

    return run


def figures_of(report, name):
    return report["figures"]["generated"][name]


def test_generation(evaluated, fails, folder, pictures, tmp_path):
    others = shutil.copytree(pictures, tmp_path / "others")
    out, report = evaluated("generation", "--num", 3, "--classes", "0-999", "--reference", others, "--ppl", 2)
    assert (
        figures_of(report, "ppl_w_end_efficientnet_formula") > 0 < figures_of(report, "ppl_z_full_efficientnet_formula")
    )
    figures = report["figures"]
    assert (figures["generated"]["count"], figures["real"]["count"]) == (3, 4)
    assert (
        figures["real"]["recognized_efficientnet_formula"] == 1
        and figures["other real"]["fd_efficientnet_formula"] < 1e-3
    )
    assert report["command"] == "evaluate generation" and report["hardware"]["backend"] == "cpu"
    assert {"sheet.png", "report.md", "features_efficientnet_formula.svg"} <= {file.name for file in out.iterdir()}
    model = ganinv.load(folder)
    np.testing.assert_array_equal(
        Image.open(out / "sheet.png"), grid(model.generate(range(3), noise_mode="random"), columns=8)
    )
    const, report = evaluated("generation", "--num", 3, "--noise-mode", "const", out="const")
    np.testing.assert_array_equal(Image.open(const / "sheet.png"), grid(model.generate(range(3)), columns=8))
    assert report["noise_mode"] == "const"
    command = ["evaluate", "generation", "--data", pictures, "--out", tmp_path / "none", "--reference", pictures]
    assert "--reference must name other pictures" in fails(*command)
    assert "--trained-on must name other pictures" in fails(*command[:-2], "--trained-on", pictures)
    theirs = "--results", pictures, "--trained-on", others
    out, theirs = evaluated("generation", *theirs, out="theirs", model=False)
    assert theirs["figures"]["generated"]["fd_efficientnet_formula"] < 1e-3 and theirs["results"] == str(pictures)
    assert theirs["figures"]["real"]["nearest_efficientnet_formula"] < 1e-3 and theirs["trained_on"] == str(others)
    sheet = np.asarray(Image.open(out / "sheet.png"))
    second = (sheet.shape[1] - SIDE) // 7
    np.testing.assert_array_equal(sheet[:SIDE, :SIDE], sheet[:SIDE, second : second + SIDE])


def test_inpainting_and_scoring_somebody_elses_completions(evaluated, works, fails, folder, pictures, tmp_path):
    options = ("--num", 3, "--samples", 2)
    out, report = evaluated("inpainting", *options, "--holes", "center")
    assert sorted(file.name for file in (out / "completions").iterdir())[:3] == ["0_00.png", "0_01.png", "1_00.png"]
    assert Image.open(out / "holes" / "2.png").size == (SIDE, SIDE)
    assert {"drawn", "composited", "without skip encoder", "generated pictures"} == report["figures"].keys()
    first = report["pictures"][0]
    assert first["name"] == "0" and first["psnr_known"] == first["drawn"]["psnr_known"]
    scored = ("--results", out / "completions", "--holes", out / "holes")
    theirs, again = evaluated("inpainting", *options, *scored, out="theirs", model=False)
    assert again["figures"]["drawn"] == report["figures"]["drawn"]
    assert again["figures"]["composited"] == report["figures"]["composited"]
    told = works("evaluate", "inpainting", "--compare", out, theirs, "--out", tmp_path / "both")
    assert f"drawn, {theirs} - {out}" in told and (tmp_path / "both" / "report.md").is_file()
    assert "must be a report of 'evaluate generation'" in fails(
        "evaluate", "generation", "--compare", out, theirs, "--out", tmp_path / "none"
    )
    (out / "completions" / "1_00.png").unlink()
    message = fails("evaluate", "inpainting", "--data", pictures, *options, *scored, "--out", tmp_path / "none")
    assert "has no 1.png and no 1_00.png" in message


@pytest.mark.slow
def test_stopped_and_gone_on_with(evaluated, fails, folder, pictures, tmp_path, monkeypatch):
    from ganinv_jax.evaluation import inpainting

    monkeypatch.setattr(inpainting, "AT_A_TIME", 2)
    options, whole = ("--num", 4, "--samples", 1, "--holes", "center"), inpainting._score
    _, wanted = evaluated("inpainting", *options, out="whole")

    def interrupted(cases, *rest):
        if cases[0].name == "2":
            raise KeyboardInterrupt
        return whole(cases, *rest)

    monkeypatch.setattr(inpainting, "_score", interrupted)
    command = ["evaluate", "inpainting", "--data", pictures, "--model", folder, "--out", tmp_path / "out"]
    assert "run the same command to go on" in fails(*command, *options, code=3)
    assert not (tmp_path / "out" / "report.json").exists()
    assert "samples was 1, and is 2 now" in fails(*command, "--num", 4, "--samples", 2, "--holes", "center")
    done = []
    monkeypatch.setattr(inpainting, "_score", lambda cases, *rest: done.append(cases[0].name) or whole(cases, *rest))
    _, report = evaluated("inpainting", *options)
    assert done == ["2"] and report["figures"] == wanted["figures"] and "stopped" in report["notes"][0]


@pytest.mark.slow
def test_inversion(evaluated):
    options = ("--num", 3, "--generated", 2, "--batch", 2, "--steps-share", 0.002)
    task = ("--task", "inpainting", "--task-option", "hole=center")
    out, report = evaluated("inversion", *options, *task, "--methods", "encoder, csgm:restarts=1:prior=0.0")
    encoder, csgm = report["figures"]["encoder"], report["figures"]["csgm:restarts=1:prior=0.0"]
    assert (encoder["steps"], csgm["steps"]) == (0, 1)
    assert {
        "psnr",
        "psnr_hole",
        "w_error",
        "memory_mb",
        "seconds_with_compilation",
        "editability_efficientnet_formula",
        "generated_psnr",
    } <= encoder.keys()
    assert csgm["z_error"] > 0.5 and csgm["z_recovered"] == 0 and "z_error" not in encoder
    assert report["pictures"][2]["name"] == "2" and "psnr_known" in report["pictures"][2]["encoder"]
    assert report["notes"][0] == "On the sheet: photo, seen, encoder, csgm:restarts=1:prior=0.0."
    assert (out / "tradeoff.svg").is_file() and Image.open(out / "sheet.png").width == 4 * SIDE + 3 * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--methods", "projektor"), "did you mean 'projector'"),
        (("--methods", "one-layer-at-a-time"), "affine maps with leaky ReLUs only"),
        (("--methods", "projector:space"), "must be NAME=VALUE"),
        (("--methods", "projector:spice=w+"), "did you mean 'space'"),
        (("--methods", "projector:space=z"), "space must be"),
        (("--methods", "csgm", "--task", "painting"), "did you mean 'inpainting'"),
        (("--methods", "csgm", "--task", "denoising", "--task-option", "noise=1"), "did you mean 'noise_std'"),
    ],
)
def test_inversions_that_there_are_not(fails, folder, pictures, tmp_path, options, message):
    command = ["evaluate", "inversion", "--data", pictures, "--num", 2, "--model", folder, "--out", tmp_path / "no"]
    assert message in fails(*command, *options)


def test_editing(evaluated, fails, folder, pictures, tmp_path):
    np.save(tmp_path / "up.npy", np.ones(5, np.float32))
    options = ("--num", 2, "--holes", "center", "--directions", tmp_path / "up.npy", "--strengths", "-1,0")
    out, report = evaluated("editing", *options)
    moved, still = report["figures"]["up -1"], report["figures"]["up +0"]
    assert still["change_hole"] == 0 and still["kept_known"] == 100 and moved["change_hole"] > 0
    assert Image.open(out / "sheet.png").height == 2 * SIDE + 2
    command = ["evaluate", "editing", "--data", pictures, "--num", 2, "--model", folder, "--out", tmp_path / "none"]
    assert "brings none" in fails(*command)


@pytest.mark.slow
def test_ablation(evaluated, works, fails, folder, pictures, tmp_path, monkeypatch):
    """What is trained and scored; the training itself is that of `ganinv train`."""
    trained = []

    def train(task, workdir, settings):
        trained.append((workdir.name, settings.total_kimg, task.config.trains, task.config.seed))
        folders.save(workdir / "model", *task.export(task.init(jax.random.key(len(trained)))))

    monkeypatch.setattr(loop, "run", train)
    options = ("--study", "stages", "--photos", pictures, "--kimg", 3, "--num", 2, "--samples", 2, "--holes", "center")
    changes = ("--config.projected=None", "--config.batch_size=4", "--config.photos.fraction=0.5", "--config.seed=5")
    out, report = evaluated("ablation", *options, *changes)
    parts = ("encoder", "mixer", "skip")
    assert trained == [
        ("stage1", 1.5, parts[:2], 5),
        ("stage2", 1.5, parts[2:], 5),
        ("stage1", 3.0, parts, 5),
    ]
    assert report["figures"].keys() == {"two stages", "one stage"} and report["changes"] == list(changes)
    assert {"psnr_known", "gate_true", "diversity_hole_efficientnet_formula"} <= report["figures"]["one stage"].keys()
    assert Image.open(out / "sheet.png").width == 6 * SIDE + 5 * 2
    command = ["evaluate", "ablation", "--data", pictures, "--model", folder, "--out", tmp_path / "none", "--study"]
    assert "--photos must name" in fails(*command, "gate")
    assert "--study must be one of" in fails(*command, "everything")
    assert "takes no --config.seed=5" in fails(*command, "mganprior-codes", "--config.seed=5")
    assert "count" not in report["figures"]["one stage"]
    shorter = [out if part == tmp_path / "none" else part for part in command]
    message = fails(*shorter, "stages", "--photos", pictures, "--kimg", 2, "--num", 2, *changes)
    assert "kimg was 3.0, and is 2.0 now" in message
    works("evaluate", "ablation", "--compare", out, out, "--out", tmp_path / "both")
    assert "--out must be a folder of its own" in fails("evaluate", "ablation", "--compare", out, out, "--out", out)


def test_ablation_of_an_inversion(evaluated, fails, folder, pictures, tmp_path, monkeypatch):
    """It is a comparison of methods that differ in one option."""
    from ganinv_jax.cli.evaluate import inversion

    chosen = {}

    def compare(job, command, variants, args, **asked):
        chosen.update(variants)
        job.pieces(**asked)
        return Report(command, job.asked, {name: {"share": args.steps_share} for name in variants})

    monkeypatch.setattr(inversion, "compare", compare)
    _, report = evaluated("ablation", "--study", "mganprior-layer", "--num", 2, "--steps-share", 0.5)
    assert chosen == {"layer 4": ("mganprior", {"layer": 4}), "layer 8": ("mganprior", {"layer": 8})}
    assert report["study"] == "mganprior-layer" and report["figures"]["layer 8"] == {"share": 0.5}
    _, report = evaluated("ablation", "--study", "clipping", "--num", 2, "--variants", "none", out="some")
    assert list(report["figures"]) == ["none"] and chosen["none"] == ("lipton", {"clipping": "none"})
    command = ["evaluate", "ablation", "--data", pictures, "--model", folder, "--out", tmp_path / "no", "--study"]
    assert "did you mean 'hard'" in fails(*command, "clipping", "--variants", "hart")
    for foreign in (("--tasks", "denoising"), ("--segments", "x"), ("--photos", "x")):
        assert f"{foreign[0]} is of other studies than clipping" in fails(*command, "clipping", *foreign)
    assert "--task is of other studies" in fails(*command, "mganprior-tasks", "--task", "denoising")
    assert "--variants is of other studies" in fails(*command, "mganprior-regions", "--variants", "x")


def test_a_tasks_option_goes_before_a_methods():
    model = Mock()
    model.invert.return_value.report = {"pictures": [{}]}
    given = ("csgm", {"hole": "small", "restarts": 1}), Task("inpainting", {"hole": "center"})
    inverter(model, *given, steps=3)(np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert model.invert.call_args.kwargs == {"steps": 3, "hole": "center", "restarts": 1}


@pytest.fixture
def small_networks(monkeypatch):
    """Recovery of smaller networks than the papers'."""
    from ganinv_jax.evaluation import recovery

    small = {
        name: dataclasses.replace(
            curve, points={x: dataclasses.replace(point, sizes=(3, 12, 40)) for x, point in curve.points.items()}
        )
        for name, curve in recovery.CURVES.items()
    }
    monkeypatch.setattr(recovery, "CURVES", small)


def test_recovery(works, fails, tmp_path, small_networks):
    """It needs neither pictures nor a model."""
    command = ["evaluate", "recovery", "--out", tmp_path / "out"]
    works(*command, "--curves", "noise", "--trials", 1, "--points", 2, "--steps", 20)
    figures = json.loads((tmp_path / "out" / "report.json").read_text())["figures"]
    assert figures["LP linf"]["noise 1e-06"] < 1e-4 < figures["gradient descent"]["noise 1e-06"]
    assert {"noise.png", "noise.svg", "report.md"} <= {file.name for file in (tmp_path / "out").iterdir()}
    assert "unrecognized arguments: --data" in fails(*command, "--data", "x")
    assert "--curves must be 'all' or some of dimension" in fails(*command, "--curves", "noise,bend")


@pytest.fixture
def quick_mganprior(monkeypatch):
    """Without looks, whose network takes long to compile, and with few codes."""
    from ganinv_jax.inversion import METHODS

    given = METHODS["mganprior"]

    def quick(codes: int | None = None, layer: int | None = None, importance: bool = True, task: str = "inversion"):
        return given(min(codes or 3, 3), layer, importance, perceptual=0.0, task=task)

    monkeypatch.setitem(METHODS, "mganprior", quick)


@pytest.mark.slow
def test_tasks_of_mganprior(evaluated, quick_mganprior):
    options = ("--num", 2, "--steps-share", 0.0005, "--tasks", "inpainting:hole=center,super-resolution:factor=2")
    out, report = evaluated("ablation", "--study", "mganprior-tasks", *options)
    figures = report["figures"]
    assert list(figures) == ["seen", "one code", "20 codes"]
    tasks = ("inpainting:hole=center", "super-resolution:factor=2")
    assert figures["seen"].keys() == {f"{task}_{name}" for task in tasks for name in ("psnr", "ssim")}
    assert {*figures["seen"], f"{tasks[0]}_psnr_hole"} <= figures["20 codes"].keys()
    assert report["pictures"][1]["one code"].keys() == figures["one code"].keys()
    assert Image.open(out / "sheet.png").height > 4 * 96 and (out / "tasks.png").is_file()
    chosen = ("--variants", "1 code at 4,1 code at 8", "--num", 2, "--steps-share", 0.0005)
    out, report = evaluated("ablation", "--study", "mganprior-knowledge", *chosen, "--tasks", "denoising", out="more")
    assert list(report["figures"]) == ["seen", "1 code at 4", "1 code at 8"] and (out / "knowledge.svg").is_file()


@pytest.mark.slow
def test_regions_of_mganprior(evaluated, quick_mganprior, tmp_path):
    (tmp_path / "segments").mkdir()
    for i in range(4):
        Image.fromarray(np.uint8(np.arange(24)[None] > np.full((20, 1), 11))).save(tmp_path / "segments" / f"{i}.png")
    options = ("--num", 2, "--steps-share", 0.0005, "--segments", tmp_path / "segments")
    out, report = evaluated("ablation", "--study", "mganprior-regions", *options)
    entry = report["pictures"][0]
    assert len(entry["share"]) == len(entry["iou"]) == 3 and set(entry["class"]) <= {0, 1}
    assert 0 < report["figures"]["mganprior"]["best_iou"] < 1
    assert Image.open(out / "sheet.png").width > 5 * SIDE and (out / "regions.png").is_file()


@pytest.mark.slow
def test_recovery_by_all_curves(works, tmp_path, small_networks):
    works("evaluate", "recovery", "--trials", 2, "--points", 2, "--steps", 3000, "--out", tmp_path)
    figures = json.loads((tmp_path / "report.json").read_text())["figures"]
    for solver in ("LP linf", "LP l1", "gradient descent"):
        assert figures[solver]["leaky 10"] == figures[solver]["partial 1"] == 1
    csgm = figures["csgm, best of 10"]
    assert csgm["measurements 400"] < 0.02 and csgm["measurements seconds"] > 0


def test_bad_input(fails, folder, pictures, tmp_path):
    start = ["evaluate", "inpainting", "--model", folder, "--out", tmp_path / "out", "--data"]
    assert "holds 4 pictures, but 5 are needed" in fails(*start, pictures, "--num", 5)
    assert "--holes must be a folder of holes or one of" in fails(*start, pictures, "--holes", "round")
    assert "no pictures at" in fails(*start, tmp_path / "elsewhere")
    assert "unrecognized arguments: --config.seed=1" in fails(*start, pictures, "--config.seed=1")
    assert "--results must name a folder" in fails(*start, pictures, "--results", tmp_path / "none")
    assert "--data must name" in fails("evaluate", "generation", "--out", tmp_path / "out")
    assert "There are no features" in fails(*start, pictures, "--networks", "resnet")
    assert not (tmp_path / "out").exists()
