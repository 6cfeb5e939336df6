"""Hostile and broken files, converted in a child process with bounded memory: refused in one sentence, nothing run."""

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import json, os, resource, signal, sys, time
from pathlib import Path
from conversion.convert import convert
from ganinv_jax.core.errors import InputError

folder, results = Path(sys.argv[1]), {}
convert(folder / "ok_micro_control.pkl", "warm")  # what JAX maps at its first use must not count
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))

def too_long(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, too_long)
for path in sorted(path for path in folder.iterdir() if path.suffix in (".pkl", ".pt")):
    os.makedirs(f"dirs/{path.name}")
    home = os.getcwd()
    os.chdir(f"dirs/{path.name}")
    signal.alarm(10)
    try:
        convert(path, "out")
        outcome = ["loaded", ""]
    except InputError as error:
        outcome = ["refused", str(error)]
    except BaseException as error:
        outcome = ["crashed", repr(error)]
    signal.alarm(0)
    results[path.name] = [*outcome, os.listdir()]
    os.chdir(home)
print(json.dumps(results))
"""

# What the message cannot mention, and why.
NOT_MENTIONED = {
    "legacy_03_storage_count_lies.pt": "its storage headers are in order: the change is in a tensor's values",
}


@pytest.mark.shared
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bounds memory by Linux's means")
def test_hostile_and_broken_files(shared, tmp_path):
    folder = shared / "fixtures/negative"
    expectations = json.loads((folder / "expectations.json").read_text())["files"]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    results, faults = json.loads(child.stdout), []
    assert results.keys() == {entry["file"] for entry in expectations}
    for entry in expectations:
        outcome, message, created = results[entry["file"]]
        # Where a file may be refused or read leniently, refusing is what is done here.
        expected = ("loaded", ["out"]) if entry["expect"] == "load" else ("refused", [])
        unmentioned = [word for word in entry["message_should_mention"] if word.lower() not in message.lower()]
        if entry["file"] in NOT_MENTIONED:
            unmentioned = []
        if (outcome, created) != expected or unmentioned:
            faults.append(f"{entry['file']}: {outcome}, made {created}, does not mention {unmentioned}: {message}")
    assert not faults, "\n".join(faults)
