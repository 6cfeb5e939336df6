"""TPUs that need not be here: what libtpu knows of a topology, for programs that are compiled ahead of time."""

import importlib.util
import os
from typing import Any

import jax
from jax.experimental import topologies

from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError


def tpu_devices(topology: str) -> list[Any]:
    """The devices of a topology such as 'v5e:2x2', which has four: a program is compiled for them, but cannot run.

    Raises InputError where the TPU's compiler is not installed or knows no such topology.
    """
    check(
        importlib.util.find_spec("libtpu") is not None,
        f"Compiling for {topology} needs the TPU's compiler, libtpu, which is not installed; "
        "run: pip install 'ganinv_jax[tpu-aot]'",
    )
    # There is no metadata server to ask where there is no TPU, and no device that two processes could quarrel over.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    try:
        found = topologies.get_topology_desc(topology, "tpu").devices
    except jax.errors.JaxRuntimeError as error:
        raise InputError(
            f"A topology must be a kind of TPU and the chips' arrangement, such as v5e:2x2, v5e:4x4 or v4:2x2x1, but "
            f"got {topology!r}, which libtpu does not know."
        ) from error
    return list(found)
