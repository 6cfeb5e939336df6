"""How soon a new process is ready, with the compilation cache as earlier runs left it: processes timed from outside."""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from ganinv_jax.benchmarks.case import Case, Contestant
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core.errors import GaninvError

_CACHED = "from ganinv_jax.core import devices; devices.enable_compilation_cache(); devices.keep_host_memory()"
SCRIPTS = {
    "import": "import ganinv_jax",
    "load": "import ganinv_jax; ganinv_jax.load()",
    "first picture": f"{_CACHED}; import ganinv_jax; ganinv_jax.load().generate([0])",
}


def startup(options: Options) -> Iterator[Case]:
    """Importing; loading the bundled model as well; its first picture as well; and the command `ganinv inpaint`."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {name: [sys.executable, "-c", script] for name, script in SCRIPTS.items()}
        commands["ganinv inpaint"] = [sys.executable, "-m", "ganinv_jax", "inpaint", "--out", folder]
        for name, command in commands.items():
            contestant = Contestant.of(functools.partial(_run, command))
            yield Case("startup", {"until": name, "model": "cat64"}, 1, "run", {"process": contestant})


def _run(command: Sequence[str]) -> None:
    # The package may be imported from the working directory, which `-c` looks in as well.
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True)
    if done.returncode:
        raise GaninvError(
            f"{' '.join(command[:3])} must run, but it ended with {done.returncode}: {done.stderr[-500:]}"
        )
