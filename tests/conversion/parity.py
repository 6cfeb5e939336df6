"""What the comparisons with the authors' outputs share."""

import functools
import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from ganinv_jax.models.stylegan2 import Discriminator, Generator

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


@compiled
def generate(config, variables, z, c, w_mixed):
    """All that NVIDIA's references hold of a generator, in one program, since compiling is what costs here."""
    network = Generator(config)
    call = functools.partial(network.apply, variables)
    ws = {
        "w": call(z, c, method="map"),
        "w_psi07": call(z, c, truncation_psi=0.7, method="map"),
        "w_psi07_cut3": call(z, c, truncation_psi=0.7, truncation_cutoff=3, method="map"),
    }
    images = call(jnp.concatenate([ws["w"], ws["w_psi07"], w_mixed]), method="synthesize")
    images = dict(zip(("img", "img_psi07", "img_mixed"), jnp.split(images, 3), strict=True))
    images["img_nonoise"] = call(ws["w"], noise_mode="none", method="synthesize")
    features = {f"feat_b{r}": call(ws["w"][:1], stop=r, method="features")[0] for r in (4, 8, 16)}
    maps = {name: array.transpose(0, 3, 1, 2) for name, array in (images | features).items()}
    return ws | maps


@compiled
def score(config, variables, images, c):
    """Logits of eight images as the references have them: of all, of the first, of the first four."""
    call = functools.partial(Discriminator(config).apply, variables)
    first = {"d_logits": 8, "d_logits_n1": 1, "d_logits_n4": 4}
    return {name: call(images[:n], None if c is None else c[:n])[:, None] for name, n in first.items()}
