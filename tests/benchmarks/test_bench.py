"""The report: what is in it, how it reads, and what is refused."""

import importlib.util
import json

import numpy as np
import pytest

from ganinv_jax.benchmarks import bench, table
from ganinv_jax.benchmarks.case import Case, Contestant, Cost, disagreement
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.benchmarks.timing import Part
from ganinv_jax.core.errors import GaninvError, InputError


def _case(first=1.0, second=1.0, **changes):
    cost = Cost(0.5, 2.0, 3 << 20, 4e6)
    contestants = {
        "jax": Contestant.of(lambda: None, cost, lambda: {"images": np.full(3, first)}),
        "torch": Contestant.of(lambda: None, answer=lambda: {"images": np.full(3, second)}),
    }
    return Case("synthesis", {"preset": "tiny", "batch": 2}, 2, "img", contestants, **changes)


@pytest.fixture
def only(monkeypatch):
    """Replace the targets by one that gives this case."""
    return lambda case: monkeypatch.setattr(bench, "TARGETS", {"synthesis": lambda options: iter([case])})


def test_report(only):
    only(_case())
    told = []
    report = bench.run(["synthesis"], Options(preset="tiny", repeats=2), told.append)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["cases"] == told and report["command"] == "benchmark" and report["targets"] == ["synthesis"]
    assert report["machine"]["versions"]["jax"] and report["machine"]["peak_flops_per_second"] > 1e8
    (case,) = report["cases"]
    ours, other = case["contestants"]
    assert case["difference"] == 0 and case["unit"] == "img"
    assert ours["compile_seconds"] == 2 and ours["trace_seconds"] == 0.5 and ours["memory_bytes"] == 3 << 20
    assert ours["flops_per_second"] == pytest.approx(4e6 / ours["seconds"]["median"])
    assert ours["per_second"] == pytest.approx(2 / ours["seconds"]["median"])
    assert ours["times_first"]["median"] == 1 and "flops" not in other
    assert len(other["samples"]) == 2


def test_parts_are_told_by_their_shares():
    parts = {"step": Part(lambda: None, 0.75), "step, R1": Part(lambda: None, 0.25)}
    case = Case("gan-step", {}, 4, "img", {"jax": Contestant(parts)})
    (row,) = bench.measure(case, 2, None)["contestants"]
    assert row["shares"] == {"step": 0.75, "step, R1": 0.25} and set(row["parts"]) == set(parts)
    assert row["seconds"]["median"] > 0 and row.get("share_of_peak") is None


def test_cost_of_several_programs():
    total = Cost.total({"a": Cost(1, 2, 30, 100.0), "b": Cost(1, 3, 20, None)}, {"a": 0.5, "b": 0.5})
    assert total == Cost(2, 5, 30, 50.0)


def test_table_names_what_is_in_the_report(only):
    only(_case())
    report = bench.run(["synthesis"], Options(preset="tiny", repeats=2))
    lines = table.case(report["cases"][0]).splitlines()
    assert lines[0] == "synthesis: tiny, batch 2 (answers agree to 0.0e+00)"
    assert [line.split()[0] for line in lines[2:]] == ["jax", "torch"]
    assert "3 MiB" in lines[2] and "2.5 s" in lines[2] and "1.00 (1.00 - 1.00)" in lines[2]
    assert report["machine"]["device"] in table.machine(report["machine"])


@pytest.mark.parametrize(("value", "text"), [(2.0, "2 s"), (0.0123, "12.3 ms"), (4e-6, "4 us"), (0, "0 us")])
def test_seconds(value, text):
    assert table.seconds(value) == text


def test_contestants_that_do_other_work_are_not_timed():
    assert disagreement(_case(1.0, 1.0005)) == pytest.approx(5e-4)
    for second in (1.002, np.nan):
        with pytest.raises(GaninvError, match="torch and jax must give the same images"):
            disagreement(_case(1.0, second))
    assert disagreement(_case(1.0, 1.1, dtype="bf16")) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (["synthesys"], {}, "did you mean 'synthesis'?"),
        (["loader"], {"against": "torch"}, "--against torch goes with ops,"),
    ],
)
def test_wrong_targets(targets, options, message):
    with pytest.raises(InputError, match=message):
        bench.run(targets, Options(preset="tiny", **options))


def test_without_torch_one_sentence_says_so(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    with pytest.raises(InputError, match=r"needs PyTorch; run: pip install 'ganinv_jax\[benchmark\]'"):
        bench.run(["synthesis"], Options(preset="tiny", against="torch"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "cat46"}, "did you mean 'cat64'?"),
        ({"preset": "cat64", "resolution": 128}, "has 64 pixels, not 128; auto, slim, tiny come at any"),
        ({"preset": "tiny", "resolution": 12}, "power of two"),
        ({"dtype": "fp8"}, "known options: bf16, fp16, fp32"),
        ({"batch": 0}, "batch must be positive"),
        ({"repeats": 0}, "at least 1 repeat"),
        ({"implementations": ("",)}, "lists of names"),
        ({"nvidia": "/tmp"}, "with --against torch only"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(InputError) as caught:
        Options(**options)
    assert message in str(caught.value)


def test_presets_are_the_published_networks():
    options = Options(preset="auto", resolution=512)
    assert options.generator.channels(512) == 64 and options.discriminator.block_channels(4) == 512
    half = Options(preset="ffhq256", dtype="fp16").generator.synthesis
    assert half.num_fp16_res == 6  # 8 to 256
