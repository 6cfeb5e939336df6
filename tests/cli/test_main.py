"""The dispatcher: exit codes, sentences, and how soon it answers."""

import subprocess
import sys
import types

import jax
import pytest

from ganinv_jax.cli import main as cli
from ganinv_jax.core.errors import GaninvError, InputError, StoppedError


@pytest.fixture
def verb(monkeypatch):
    """Put a verb `train` in place whose `run` raises what it is given, or returns for None."""

    def install(error):
        def run(args):
            if error:
                raise error

        def add_arguments(parser):
            parser.add_argument("--size", type=int)

        module = types.SimpleNamespace(__doc__="A verb.", add_arguments=add_arguments, run=run)
        monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)

    return install


@pytest.mark.parametrize(
    ("error", "code", "stack"),
    [
        (None, 0, False),
        (InputError("The hole is empty; paint some."), 2, False),
        (StoppedError("Stopped after step 3."), 3, False),
        (GaninvError("The loss is not finite."), 1, False),
        (ZeroDivisionError("division by zero"), 1, True),
        (MemoryError(), 2, False),
        (GaninvError("It cannot be read now (RESOURCE_EXHAUSTED); mend that."), 1, False),
        (KeyboardInterrupt(), 130, False),
    ],
)
def test_exit_codes(verb, capsys, error, code, stack):
    verb(error)
    assert cli.main(["train"]) == code
    told = capsys.readouterr().err
    assert ("Traceback" in told) == stack
    assert str(error or "") in told
    assert "must fit the memory" not in told or isinstance(error, MemoryError)
    assert stack or len(told.splitlines()) <= 1


def test_a_device_without_memory_is_one_sentence(verb, capsys):
    verb(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes.\n@ 0x7f allocator"))
    assert cli.main(["train"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "Out of memory allocating 8 bytes" in told[0] and "smaller batch" in told[0]


def test_debug_shows_the_stack(verb, capsys):
    verb(InputError("The hole is empty."))
    assert cli.main(["train", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tarin"], "no command 'tarin'; did you mean 'train'?"),
        (["train", "--size", "x"], "invalid int value: 'x'"),
        (["train", "--siz=3"], "unrecognized arguments: --siz=3"),
    ],
)
def test_wrong_arguments_are_one_sentence(verb, capsys, arguments, message):
    verb(None)
    assert cli.main(arguments) == 2
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1


def test_help_lists_only_verbs_that_exist(capsys, monkeypatch):
    monkeypatch.setitem(cli.VERBS, "no_such_verb", "nothing")
    assert cli.main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "train" in listed and "no_such_verb" not in listed
    assert cli.main(["no_such_verb"]) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_imports_no_jax(arguments):
    program = (
        f"import sys\nfrom ganinv_jax.cli.main import main\n"
        f"try: main({arguments})\nfinally: sys.exit(int('jax' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "usage: ganinv" in done.stdout
