"""StyleGAN2's generator: against NumPy, and what must hold of any generator here.

The official networks' own outputs are in tests/conversion.
"""

import functools

import jax
import jax.numpy as jnp
import naive_stylegan2 as naive
import numpy as np
import pytest
from small_stylegan2 import ARCHITECTURES, close, float64, generator, generator_config, jit, numbers

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.stylegan2 import Generator, GeneratorConfig

WS = numbers(3, 6, 5)


@functools.cache
def program(config, noise_mode, start):
    network, _ = generator(config)
    return jit(
        lambda variables, ws, more: network.apply(variables, ws, noise_mode, start=start, method="synthesize", **more)
    )


def synthesize(config, ws, noise_mode="const", start=None, **more):
    """Images for W+; `more` are arrays, or trees of them."""
    return program(config, noise_mode, start)(generator(config)[1], ws, more)


@pytest.mark.parametrize(
    "options",
    [*({"architecture": name} for name in ARCHITECTURES), {"conv_clamp": 0.7}, {"use_noise": False}],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_synthesis_is_the_papers(options):
    config = generator_config(mask_channels=1, **options)
    p = float64(generator(config)[1])
    got = synthesize(config, WS)
    assert set(got) == {"rgb", "mask"} and got["mask"].shape == (3, 16, 16, 1)
    for i, ws in enumerate(WS.astype(np.float64)):
        wanted = naive.synthesis(
            p["params"]["synthesis"],
            p["buffers"].get("synthesis", {}),
            ws,
            options.get("architecture", "skip"),
            options.get("conv_clamp", np.inf),
        )
        for head in got:
            close(got[head][i], wanted[head])


@pytest.mark.parametrize("labels", [0, 3])
def test_mapping_and_truncation_are_the_papers(labels):
    network, variables = generator(generator_config(c_dim=labels))
    p = float64(variables)
    z, c = numbers(4, 6), np.eye(3, dtype=np.float32)[[0, 1, 2, 1]] if labels else None
    w = naive.mapping(p["params"]["mapping"], z.astype(np.float64), c)
    average = p["buffers"]["mapping"]["w_avg"]
    for psi, cutoff, pulled in ((1, None, 0), (0.7, None, 6), (0.3, 2, 2), (jnp.float32(-0.5), 0, 0)):
        got = jit(lambda z, psi=psi, cutoff=cutoff: network.apply(variables, z, c, psi, cutoff, method="map"))(z)
        wanted = np.repeat(w[:, None], 6, axis=1)
        wanted[:, :pulled] = average + float(psi) * (wanted[:, :pulled] - average)
        close(got, wanted)


def test_one_call_is_mapping_then_synthesis():
    network, variables = generator(generator_config())
    z = numbers(2, 6)
    ws = jit(lambda v, z: network.apply(v, z, None, 0.5, 3, method="map"))(variables, z)
    close(jit(lambda v, z: network.apply(v, z, None, 0.5, 3))(variables, z), synthesize(network.config, ws), 1e-6)


@pytest.mark.parametrize(("resolution", "rows"), [(8, 4), (64, 10), (1024, 18)])
def test_rows_of_w(resolution, rows):
    config = GeneratorConfig(resolution)
    assert config.num_ws == rows
    variables = jax.eval_shape(Generator(config).init, jax.random.key(0), jnp.zeros((1, 512)))
    # A row a convolution, and one for the last output layer.
    blocks = variables["params"]["synthesis"].values()
    assert rows == sum(name.startswith("conv") for block in blocks for name in block) + 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_stopping_and_going_on_is_running_through(architecture):
    config = generator_config(mask_channels=1, architecture=architecture)
    network, variables = generator(config)
    x, images = jit(lambda v, ws: network.apply(v, ws, 8, method="features"))(variables, WS)
    assert x.shape == (3, 8, 8, 8) and (images is None) == (architecture != "skip")
    got = synthesize(config, WS, start=16, x=x, images=images)
    jax.tree.map(close, got, synthesize(config, WS))
    # Rows that only the blocks below use no longer matter: 4 and 8 take 1 + 2, and the next is shared.
    others = np.where(np.arange(6)[:, None] < 3, 9, WS)
    np.testing.assert_array_equal(synthesize(config, others, start=16, x=x, images=images)["rgb"], got["rgb"])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"start": 5}, "start and stop must be rising resolutions"),
        ({"stop": 32}, "start and stop must be rising resolutions"),
        ({"inject": {(4, "conv0"): jnp.zeros(())}}, "inject must name layers that run"),
        ({"start": 16, "inject": {(8, "conv1"): jnp.zeros(())}}, "inject must name layers that run"),
    ],
)
def test_layers_that_do_not_run_are_refused(run, message):
    network, variables = generator(generator_config())
    with pytest.raises(InputError, match=message):
        network.apply(variables, WS, method="features" if "stop" in run else "synthesize", **run)


def test_injecting_zeros_changes_nothing():
    config = generator_config()
    inject = {(8, "conv0"): jnp.zeros((1, 8, 8, 8)), (16, "conv1"): jnp.zeros((3, 16, 16, 4))}
    np.testing.assert_array_equal(synthesize(config, WS, inject=inject), synthesize(config, WS))


@pytest.mark.parametrize("layer", [(4, "conv1"), (8, "conv0"), (16, "conv1")])
def test_an_injected_array_is_added_to_its_layer(layer):
    config = generator_config()
    added = numbers(3, layer[0], layer[0], config.channels(layer[0]))
    network, variables = generator(config)
    inject = {layer: lambda x: x + added}
    by_function = jit(lambda v, ws: network.apply(v, ws, inject=inject, method="synthesize"))(variables, WS)
    got = synthesize(config, WS, inject={layer: added})
    np.testing.assert_array_equal(got, by_function)
    assert np.abs(got - synthesize(config, WS)).max() > 0.1


def test_injection_comes_before_the_output_layer():
    # So at the last layer it adds to the picture what toRGB, which is linear, makes of it.
    config = generator_config()
    added = numbers(3, 16, 16, 4)
    change = synthesize(config, WS, inject={(16, "conv1"): added}) - synthesize(config, WS)
    p = generator(config)[1]["params"]["synthesis"]["b16"]["torgb"]
    styles = (WS[:, -1] @ p["affine"]["weight"] / np.sqrt(5) + p["affine"]["bias"]) / np.sqrt(4)
    close(change, (added * styles[:, None, None]) @ p["weight"][0, 0], 1e-5)


def test_a_picture_does_not_depend_on_its_batch():
    config = generator_config()
    whole = synthesize(config, WS)
    for i in range(3):
        close(synthesize(config, WS[i : i + 1])[0], whole[i], 1e-6)
    assert synthesize(config, WS[:0]).shape == (0, 16, 16, 3)


def test_random_noise_belongs_to_the_picture():
    config, keys = generator_config(), jax.random.split(jax.random.key(1), 3)
    same = np.repeat(WS[:1], 3, axis=0)
    draw = functools.partial(synthesize, config, noise_mode="random")
    whole = draw(same, noise_key=keys)
    close(draw(same, noise_key=keys[::-1]), whole[::-1], 1e-6)
    assert min(np.abs(whole[i] - whole[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 0.01
    # One key stands for that key folded with the pictures' places; old-style keys do as well.
    folded = jnp.stack([jax.random.fold_in(keys[0], i) for i in range(3)])
    np.testing.assert_array_equal(draw(same, noise_key=keys[0]), draw(same, noise_key=folded))
    raw = jax.random.key_data(folded)
    np.testing.assert_array_equal(draw(same, noise_key=raw), draw(same, noise_key=folded))
    with pytest.raises(ValueError, match="needs noise_key"):
        draw(same)


def test_noise_is_standard_normal_and_another_in_every_layer():
    config = generator_config(activation="linear")
    network, variables = generator(config)
    layers = [(4, "conv1"), (8, "conv0"), (8, "conv1"), (16, "conv0"), (16, "conv1")]

    def outputs(variables, mode):
        """What each layer makes of constant features, so that modes differ by that layer's own noise alone."""
        seen = {}
        inject = {layer: lambda x, layer=layer: jnp.ones_like(seen.setdefault(layer, x)) for layer in layers}
        network.apply(variables, WS[:1], mode, jax.random.key(2), inject=inject, method="synthesize")
        return seen

    run = jit(outputs, static_argnums=1)
    random, none = run(variables, "random"), run(variables, "none")
    noise = {}
    for resolution, name in layers:
        strength = variables["params"]["synthesis"][f"b{resolution}"][name]["noise_strength"]
        change = (random[resolution, name] - none[resolution, name])[0] / strength
        close(change, np.broadcast_to(change[..., :1], change.shape), 1e-4)  # all channels share it
        noise[resolution, name] = np.asarray(change[..., 0])
    drawn = np.concatenate([field.ravel() for field in noise.values()])
    assert abs(drawn.mean()) < 0.1 and abs(drawn.std() - 1) < 0.1
    assert np.abs(noise[16, "conv0"] - noise[16, "conv1"]).mean() > 0.5


def test_noise_that_is_left_out():
    config = generator_config()
    p = float64(generator(config)[1])
    got = synthesize(config, WS, noise_mode="none")
    for i, ws in enumerate(WS):
        close(got[i], naive.synthesis(p["params"]["synthesis"], {}, ws)["rgb"])


@pytest.mark.parametrize(("compute", "dtype", "error"), [("bf16", jnp.bfloat16, 0.03), ("source", jnp.float16, 0.004)])
def test_half_precision_is_near(compute, dtype, error):
    config = generator_config(num_fp16_res=1, conv_clamp=256.0)
    _, variables = generator(config)
    network = Generator(config, compute)
    precise = synthesize(config, WS)
    got = jit(lambda v, ws: network.apply(v, ws, method="synthesize"))(variables, WS)
    assert got.dtype == jnp.float32 and 0 < np.std(got - precise) < error * np.std(precise)
    low = {8: dtype, 16: dtype} if compute == "bf16" else {8: jnp.float32, 16: dtype}  # 'source': the highest only
    for resolution, expected in ({4: jnp.float32} | low).items():
        x, _ = jax.eval_shape(lambda ws, r=resolution: network.apply(variables, ws, r, method="features"), WS)
        assert x.dtype == expected


@pytest.mark.parametrize("implementation", ["reference", "pallas", "pallas_tpu", "pallas_gpu"])
def test_every_implementation_gives_the_same_picture(implementation):
    config = generator_config()
    _, variables = generator(config)
    network = Generator(config, implementation=implementation)
    close(jit(lambda v, ws: network.apply(v, ws, method="synthesize"))(variables, WS), synthesize(config, WS))
