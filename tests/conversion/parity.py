"""What the comparisons with the authors' outputs share."""

import functools
import hashlib

import jax
import numpy as np

# The references' own spread between equivalent fp32 paths is 1e-5; the promised bound is 1e-4.
TOLERANCE = 2e-5

# Running these tiny networks takes no time, compiling them does; without optimisation that is three times faster.
compiled = functools.partial(jax.jit, static_argnums=0, compiler_options={"xla_backend_optimization_level": 0})


def agrees(name, ours, reference):
    """Assert the bound, relative to the reference's largest value where that is above 1."""
    assert ours.shape == reference.shape, name
    error = np.max(np.abs(np.asarray(ours, np.float64) - reference))
    assert error <= TOLERANCE * max(1, np.max(np.abs(reference))), f"{name}: max error {error:.3g}"


def same_tensors(tensors, entries):
    """Assert that these are the tensors of a manifest, to the bit."""
    assert tensors.keys() == entries.keys()
    for name, tensor in tensors.items():
        assert list(tensor.shape) == entries[name]["shape"] and tensor.dtype == entries[name]["dtype"], name
        assert hashlib.sha256(np.array(tensor, order="C").tobytes()).hexdigest() == entries[name]["sha256"], name
