"""Where a run is written: a folder of this machine's file system, the same one for all processes."""

import contextlib
import os
import re
import secrets
import time
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganinv_jax.core import devices
from ganinv_jax.core.configs import check

PATIENCE = 60.0
"""Seconds until a host sees what another one wrote: as long as NFS remembers how a folder was (acdirmax in nfs(5))."""


def local(workdir: str | os.PathLike) -> Path:
    """The path of that folder. Raises InputError for the address of a bucket, such as gs://bucket/run."""
    # A path that was made of one has lost a slash.
    address = re.match(r"\w[\w+.-]+:/", os.fspath(workdir))
    check(
        not address,
        f"--workdir must be a folder, but {os.fspath(workdir)} is an address; mount it, with gcsfuse for example, and "
        "give the folder that it is mounted on.",
    )
    return Path(workdir)


def check_shared(workdir: Path) -> None:
    """Make the folder; raise InputError, in all processes, where one of several does not see what the first one writes.

    With one process nothing happens.
    """
    if jax.process_count() == 1:
        return
    number = secrets.randbits(31)
    if jax.process_index() == 0:
        with contextlib.suppress(OSError):  # Then it does not see it either.
            workdir.mkdir(parents=True, exist_ok=True)
            _token(workdir, number).touch()
    token = _token(workdir, devices.of_first(number))
    seen = multihost_utils.process_allgather(np.bool_(_appears(token)))
    if jax.process_index() == 0:
        token.unlink(missing_ok=True)
    check(seen[0], f"--workdir must be a folder that can be written to, but {workdir} is not; give another one.")
    blind = ", ".join(map(str, np.flatnonzero(~seen)))
    check(
        not blind,
        f"--workdir must be a folder that all hosts see, but what process 0 writes to {workdir} is not seen by process "
        f"{blind}; give one on a shared file system.",
    )


def _token(workdir: Path, number: int) -> Path:
    return workdir / f".seen-by-all-{number:08x}"


def _appears(path: Path) -> bool:
    """Whether it is there, or comes to be in time; the first process, which made it, need not wait."""
    end = time.monotonic() + (0 if jax.process_index() == 0 else PATIENCE)
    while not path.exists():
        if time.monotonic() >= end:
            return False
        time.sleep(0.2)
    return True
