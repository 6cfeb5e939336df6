"""Helpers of the trainer's tests: the toy task, a recipe for it, and processes to kill."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # For the toy task, which the recipes name as 'toy:ToyTask'.
from programs import as_a_program

HERE = Path(__file__).parent

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


@pytest.fixture(scope="session")
def start():
    """Start a function in a process that has imported JAX already, as (log, environment, function, arguments).

    Quicker by seconds than a new interpreter. The server that forks it off has computed nothing and has one thread.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ganinv_jax.cli.main", "ganinv_jax.training.loop"])
    cache, started = jax.config.jax_compilation_cache_dir, []

    def run(log, environment, function, *arguments):
        given = {"GANINV_CACHE": str(cache)} | environment
        process = context.Process(target=as_a_program, args=(log, given, sys.path, function, arguments))
        started.append(process)
        process.start()
        return process

    yield run
    for process in started:
        process.kill()
