"""A tiny model folder, and commands run in this process."""

from pathlib import Path

import pytest
from model_folders import save_tiny_model

from ganinv_jax.cli.main import main


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def fails(capsys):
    """Run a command that must end with one sentence and an exit code, by default 2; returns the sentence."""

    def run(*arguments, code: int = 2) -> str:
        assert main([str(argument) for argument in arguments]) == code
        told = capsys.readouterr().err
        assert told.startswith("ganinv: ") and len(told.splitlines()) == 1
        return told

    return run


@pytest.fixture
def works(capsys):
    """Run a command that must end well; returns what it prints."""

    def run(*arguments) -> str:
        code = main([str(argument) for argument in arguments])
        done = capsys.readouterr()
        assert code == 0, done.err
        return done.out

    return run
