"""Helpers of the trainer's tests: the toy task, a recipe for it, and processes to kill."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # For the toy task, which the recipes name as 'toy:ToyTask'.

RECIPE = """
from ml_collections import ConfigDict

def get_config():
    config = ConfigDict()
    config.task = "toy:ToyTask"
    config.batch_size = 8
    config.optimizer = ConfigDict({"learning_rate": 0.05})
    config.loop = ConfigDict({"total_kimg": 0.24, "log_kimg": 0.04, "checkpoint_kimg": 0.08, "snapshot_kimg": 0.08})
    return config
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A recipe for 30 steps of the toy task: a row each 5 steps, a checkpoint each 10."""
    path = tmp_path / "recipe.py"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def python():
    """Run a Python program in a process of its own, with the toy task importable; returns the finished process."""

    cache = jax.config.jax_compilation_cache_dir

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", "GANINV_CACHE": cache, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
