"""`ganinv benchmark`: a run at tiny size, and wrong input."""

import json

from ganinv_jax.benchmarks.cases import TARGETS
from ganinv_jax.benchmarks.options import PRESETS
from ganinv_jax.cli import benchmark


def test_a_run(works, tmp_path):
    file = tmp_path / "out" / "speed.json"
    told = works(
        "benchmark",
        "discriminator",
        "--preset",
        "tiny",
        "--resolution",
        "8",
        "--batch",
        "2",
        "--repeats",
        "2",
        "--json",
        file,
    )
    assert told.startswith("discriminator: tiny, resolution 8, batch 2, dtype fp32")
    assert "GFLOP/s (measured: matrix product" in told and "jax " in told
    report = json.loads(file.read_text())
    assert report["options"]["preset"] == "tiny" and len(report["cases"]) == 1


def test_help_lists_what_there_is():
    assert list(benchmark.TARGETS) == list(TARGETS) and list(benchmark.PRESETS) == list(PRESETS)


def test_wrong_input(fails, tmp_path):
    assert "did you mean 'synthesis'?" in fails("benchmark", "synthesi")
    assert "did you mean 'cat64'?" in fails("benchmark", "synthesis", "--preset", "cat46")
    assert "with --against torch only" in fails("benchmark", "synthesis", "--torch-compile")
    assert "is a folder; give a file's name" in fails("benchmark", "ops", "--json", tmp_path)
    assert "Only the target train takes" in fails("benchmark", "ops", "--presett", "tiny")
    unknown = fails("benchmark", "synthesis", "--preset", "tiny", "--implementation", "palas")
    assert "has no option 'palas'" in unknown
