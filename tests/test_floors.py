"""Imports go down only: a package imports from the floors below it and from itself."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# From the top. Packages on one floor do not import each other. `conversion` lies beside `ganinv_jax`: it builds on
# models, and only the doors open it. `metrics` may report a distance that `losses` optimises, so it lies above.
FLOORS = (
    {"ganinv_jax"},  # the package's own __init__ and __main__
    {"cli"},
    {"benchmarks"},
    {"pipelines"},
    {"training"},
    {"inversion", "editing", "evaluation"},
    {"metrics"},
    {"losses", "data"},
    {"conversion"},
    {"models"},
    {"ops"},
    {"core"},
)
LEVEL = {package: level for level, floor in enumerate(FLOORS) for package in floor}
MAY_CONVERT = {"cli", "benchmarks", "pipelines"}
FILES = sorted([*ROOT.glob("ganinv_jax/**/*.py"), *ROOT.glob("conversion/**/*.py")])


def _package(parts: tuple[str, ...]) -> str:
    """('ganinv_jax', 'core', 'images') -> 'core'; ('ganinv_jax', '__main__') -> 'ganinv_jax'."""
    inner = parts[1] if parts[0] == "ganinv_jax" and len(parts) > 1 else parts[0]
    return inner if (ROOT / "ganinv_jax" / inner).is_dir() else parts[0]


def _imports(source: str) -> Iterator[str]:
    """Dotted names that a file imports, at its top or inside a function; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _fault(importer: tuple[str, ...], name: str) -> str | None:
    """What is wrong with a module (its path's parts) importing `name`; None where all is well."""
    imported = tuple(name.split("."))
    if imported[0] not in ("ganinv_jax", "conversion") or imported[:2] == ("ganinv_jax", "__version__"):
        return None
    above, below = _package(importer), _package(imported)
    if above == below:
        return None
    if below not in LEVEL or above not in LEVEL:
        return f"{above} or {below} has no floor"
    if LEVEL[above] >= LEVEL[below]:
        return f"{above} imports {below}, which does not lie below it"
    if below == "conversion" and above not in MAY_CONVERT:
        return f"{above} imports conversion, which only {sorted(MAY_CONVERT)} open"
    if imported[:3] == ("ganinv_jax", "data", "augment") and above != "training":
        return f"{above} imports data.augment, which is for training"
    return None


def test_imports_go_down():
    assert len(FILES) > 50
    faults = []
    for file in FILES:
        importer = file.relative_to(ROOT).with_suffix("").parts
        found = {_fault(importer, name) for name in _imports(file.read_text(encoding="utf-8"))} - {None}
        faults += [f"{'/'.join(importer)}: {fault}" for fault in sorted(found)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("importer", "source", "fine"),
    [
        ("ganinv_jax/models/x", "from ganinv_jax.core.images import grid", True),
        ("ganinv_jax/core/x", "from ganinv_jax.ops.bias_act import bias_act", False),
        ("ganinv_jax/core/x", "def f():\n    from ganinv_jax import models", False),
        ("ganinv_jax/models/x", "import jax\nimport ganinv_jax.training.loop", False),
        ("ganinv_jax/losses/x", "from ganinv_jax.data import sources", False),
        ("ganinv_jax/core/x", "import ganinv_jax", False),
        ("ganinv_jax/core/x", "from ganinv_jax import __version__", True),
        ("ganinv_jax/pipelines/x", "from conversion import convert", True),
        ("ganinv_jax/training/x", "from conversion import convert", False),
        ("conversion/x", "from ganinv_jax.losses import hinge", False),
        ("conversion/x", "from ganinv_jax.models.stylegan2 import Generator", True),
        ("ganinv_jax/pipelines/x", "from ganinv_jax.data.augment import ada", False),
        ("ganinv_jax/training/x", "from ganinv_jax.data.augment import ada", True),
        ("ganinv_jax/benchmarks/x", "from ganinv_jax.pipelines import load", True),
        ("ganinv_jax/pipelines/x", "from ganinv_jax.benchmarks import timing", False),
    ],
)
def test_the_rule_itself(importer, source, fine):
    faults = [_fault(tuple(importer.split("/")), name) for name in _imports(source)]
    assert all(fault is None for fault in faults) == fine


def test_the_command_line_imports_no_jax():
    """Of all modules of `cli`; JAX is imported when a verb runs, so that `--help` answers at once."""
    modules = [f"ganinv_jax.cli.{file.stem}" for file in (ROOT / "ganinv_jax/cli").glob("*.py")]
    assert "ganinv_jax.cli.main" in modules
    program = f"import sys, {', '.join(modules)}\nprint(sorted({{'jax', 'flax', 'numpy'}} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_pytorch_is_imported_by_its_peers_alone():
    importers = {
        file.relative_to(ROOT).as_posix()
        for file in FILES
        for name in _imports(file.read_text(encoding="utf-8"))
        if name.split(".")[0] == "torch"
    }
    assert importers and all(file.startswith("ganinv_jax/benchmarks/torch_peers/") for file in importers)
