"""What a report leaves on disk, and two of them side by side."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.plots import Bars, Lines, Panels, Scatter
from ganinv_jax.evaluation.report import Report, compare, read_report, table

COLUMNS = {"drawn": {"psnr": 21.123456, "fd_x": np.float32(3)}, "real": {"psnr": math.nan, "count": 5}}
PLOTS = {
    "bars": Bars(COLUMNS, ["psnr", "fd_x"]),
    "cloud": Scatter("x", "y", {"a": ([1, 2], [3, 4]), "b": ([1], [2])}),
    "methods": Scatter("x", "y", {"a": ([1], [3]), "b": ([1], [2])}, labelled=True, colours=("c", [0.1, 0.4])),
    "curve": Lines("x", "y", {"a": ([1, 2], [3, 4]), "b": ([1, 2], [2, 2])}, logarithmic="xy"),
    "panels": Panels({f"panel {i}": Lines("x", "y", {"a": ([4, 8], [3, i])}, doubling=True) for i in range(5)}),
}


@pytest.fixture
def report():
    sheet = np.zeros((4, 6, 3), np.uint8)
    asked = {"model": "cat64", "num": 2, "classes": []}
    return Report("evaluate x", asked, COLUMNS, [{"name": "p"}], ["A note."], sheet, PLOTS, seconds=1.26)


def test_files(report, tmp_path):
    files = report.write(tmp_path)
    assert set(files) >= {"report.json", "report.md", "sheet.png", "bars.svg", "methods.png", "curve.png", "cloud.svg"}
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["figures"] == {"drawn": {"psnr": 21.123, "fd_x": 3.0}, "real": {"psnr": None, "count": 5}}
    assert found["model"] == "cat64" and found["seconds"] == 1.3 and found["pictures"] == [{"name": "p"}]
    assert found["hardware"]["backend"] and read_report(tmp_path) == found
    assert "<svg" in (tmp_path / "cloud.svg").read_text()
    assert np.ptp(np.asarray(Image.open(tmp_path / "bars.png"))) > 0
    text = (tmp_path / "report.md").read_text()
    assert "| psnr | 21.12 |" in text and "model cat64, num 2.\n" in text and "- A note." in text


def test_equal_reports_are_equal_files(report, tmp_path):
    report.write(tmp_path / "a")
    report.write(tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_table():
    assert table({"a": {"x": 1.0, "y": 2}, "b": {"y": 0.00001234}}) == (
        "| | a | b |\n|---|---|---|\n| x | 1 |  |\n| y | 2 | 1.234e-05 |\n"
    )


def test_comparison(report):
    a = report.as_json()
    b = a | {"num": 3, "figures": {"drawn": {"psnr": 22.123, "new": 1}}}
    found = compare(a, b, ("old", "new"))
    assert list(found.columns)[:3] == ["drawn, old", "drawn, new", "drawn, new - old"]
    assert found.columns["drawn, new - old"] == {"psnr": pytest.approx(1)}
    assert found.notes == ["num: 2 | 3"]
    other = compare(a, a | {"version": "0.0", "hardware": {"device": "x", "cores": 3}}).notes
    assert other[0].endswith("| device x, cores 3") and other[1].endswith("| 0.0")
    with pytest.raises(InputError, match="one command"):
        compare(a, b | {"command": "evaluate y"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no report"),
        ("{", "not JSON"),
        ('{"a": 1}', "no figures"),
        ('{"figures": {"a": {}}}', "no figures"),
        ("[1]", "no figures"),
    ],
)
def test_no_report(tmp_path, text, said):
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_report(tmp_path)
