"""Descriptions of TPUs that are not here."""

import sys

import jax
import pytest

from ganinv_jax.core.devices import data_mesh, target
from ganinv_jax.core.errors import InputError
from ganinv_jax.core.topologies import tpu_devices


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "libtpu", None)  # As if it were not installed.
    with pytest.raises(InputError, match=r"libtpu, which is not installed; run: pip install 'ganinv_jax\[tpu-aot\]'"):
        tpu_devices("v5e:2x2")


@pytest.mark.tpu
def test_describes_a_topology():
    pytest.importorskip("libtpu")
    mesh = data_mesh(tpu_devices("v5e:4x4"))
    assert [device.process_index for device in mesh.devices.flat] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        assert target() == ("tpu", "TPU v5 lite", 16)
    with pytest.raises(InputError, match="such as v5e:2x2, .* but got 'v5e:3x7'"):
        tpu_devices("v5e:3x7")
