"""The notebook runs from top to bottom, as a script: its code cells are plain Python."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOK = json.loads((ROOT / "notebooks" / "colab_train.ipynb").read_text(encoding="utf-8"))
CODE = {cell["id"]: "".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"}


def test_is_a_notebook_as_the_format_has_it():
    """What nbformat 4.5's schema asks for, and that no output of somebody's run is in it."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5) and isinstance(NOTEBOOK["metadata"], dict)
    assert NOTEBOOK["metadata"]["kernelspec"].keys() == {"name", "display_name"}
    cells = NOTEBOOK["cells"]
    assert len(cells) == 10 == len({cell["id"] for cell in cells})
    for cell in cells:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | code
        assert cell["cell_type"] in ("code", "markdown") and re.fullmatch("[a-zA-Z0-9_-]{1,64}", cell["id"])
        assert all(line.endswith("\n") for line in cell["source"][:-1]) and not cell["source"][-1].endswith("\n")
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.slow
def test_runs_from_top_to_bottom(tmp_path):
    """On two devices: five steps, five more from the checkpoint, and pictures of the model."""
    script = tmp_path / "notebook.py"
    script.write_text("\n".join(CODE.values()), encoding="utf-8")
    split = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": split}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "on 2 x cpu" in done.stdout and "pictures: 64 pictures." in done.stdout
    with (tmp_path / "run" / "metrics.csv").open(newline="") as table:
        assert [int(row["step"]) for row in csv.DictReader(table)] == list(range(1, 11))
    assert not (tmp_path / "converted").exists()
    for sheet, side in {"drawn": 64, "trained": 16}.items():
        with Image.open(tmp_path / sheet / "grid.png") as picture:
            assert picture.size == (4 * side + 6, 4 * side + 6)


@pytest.mark.parametrize("repository", ["", "https://host/owner/ganinv_jax"])
@pytest.mark.parametrize("inside", [True, False], ids=["checkout", "elsewhere"])
def test_installs_from_the_repository_or_the_checkout(tmp_path, repository, inside):
    """With a pip that only says what it was asked for."""
    place = ROOT / "notebooks" if inside else tmp_path
    cell = CODE["install"].replace('REPOSITORY = ""', f"REPOSITORY = {repository!r}")
    program = (
        "import importlib.util, subprocess\nimportlib.util.find_spec = lambda name: None\n"
        f"subprocess.run = lambda command, check: print(command[-1])\n{cell}"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=place, capture_output=True, text=True)
    if repository or inside:
        asked = f"ganinv_jax @ git+{repository}" if repository else str(ROOT)
        assert re.sub(r"\[\w+\]", "", done.stdout.strip()) == asked
    else:
        assert done.returncode == 1 and "Set REPOSITORY" in done.stderr
