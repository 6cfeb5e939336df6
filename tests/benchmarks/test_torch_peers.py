"""PyTorch's side against ours: the same numbers, so that the same work is timed."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganinv_jax.benchmarks import networks
from ganinv_jax.benchmarks.options import Options
from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.adversarial import path_length_penalty, r1_penalty

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from ganinv_jax.benchmarks.torch_peers import losses, peers, training  # noqa: E402
from ganinv_jax.benchmarks.torch_peers import projector as torch_projector  # noqa: E402

OPTIONS = Options(preset="tiny", resolution=8, against="torch")
BATCH = 4
FORMULATIONS = [formulation.name for formulation in peers.FORMULATIONS]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Threads would mostly wait for each other at this size."""
    monkeypatch.setattr(peers, "prepare", lambda: torch.set_num_threads(1))
    torch.set_num_threads(1)


@functools.cache
def peer(name):
    return {made.formulation.name: made for made in peers.peers(OPTIONS)}[name]


@pytest.fixture(scope="module")
def ours():
    generator, discriminator = networks.generator(OPTIONS, "auto"), networks.discriminator(OPTIONS)
    weights = networks.generator_variables(OPTIONS.generator), networks.discriminator_variables(OPTIONS.discriminator)
    return generator, discriminator, *weights


@pytest.fixture(scope="module")
def reals():
    return networks.pictures(8, BATCH).astype(np.float32) / 127.5 - 1


def close(given, wanted, tolerance=1e-5):
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(given, wanted, rtol=0, atol=tolerance * max(1e-3, np.abs(wanted).max()))


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", FORMULATIONS)
def test_pictures(ours, name, train):
    z = networks.latents(OPTIONS.generator, BATCH)
    wanted = jax.jit(ours[0].apply)(ours[2], z)
    network = peer(name).generator
    average = network.mapping.w_avg.clone()
    network.train(train)
    found = network(peers.tensor(z))
    network.mapping.w_avg.copy_(average)
    network.eval()
    close(peers.array(found), wanted)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_logits(ours, reals, name):
    wanted = jax.jit(ours[1].apply)(ours[3], reals)
    close(peers.array(peer(name).discriminator(peers.tensor(reals)))[:, 0], wanted)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_r1_moves_the_discriminator_as_ours_does(ours, reals, name):
    _, discriminator, _, weights = ours
    wanted = jax.jit(jax.grad(lambda w: r1_penalty(lambda x: discriminator.apply(w, x), reals)))(weights)
    network = peer(name).discriminator.requires_grad_(True)
    order = peer(name).formulation.forward_over_reverse
    losses.r1_penalty(lambda x: network(x), peers.tensor(reals), order).backward()
    found = network.b8.conv0.weight.grad.permute(2, 3, 1, 0)
    network.zero_grad()
    close(found, wanted["params"]["b8"]["conv0"]["weight"], 1e-4)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_path_lengths_move_the_generator_as_ours_do(ours, name):
    generator, _, weights, _ = ours
    z, key = networks.latents(OPTIONS.generator, BATCH), jax.random.key(0)

    def penalty(weights):
        ws = generator.apply(weights, z, method="map")
        return path_length_penalty(
            lambda ws: generator.apply(weights, ws, method="synthesize"), ws, key, jnp.float32(0.1)
        )[0]

    wanted = jax.jit(jax.grad(penalty))(weights)["params"]
    network = peer(name).generator.requires_grad_(True)
    noise = peers.tensor(jax.random.normal(key, (BATCH, 8, 8, 3)))
    loss, _ = losses.path_length_penalty(
        lambda ws: network.synthesis(ws, noise_mode="const"),
        network.mapping(peers.tensor(z)),
        noise,
        torch.tensor(0.1),
        peer(name).formulation.forward_over_reverse,
    )
    loss.backward()
    mapping, convolution = network.mapping.fc0.weight.grad.T, network.synthesis.b8.conv0.weight.grad
    network.zero_grad()
    close(mapping, wanted["mapping"]["fc0"]["weight"], 1e-3)
    close(convolution.permute(2, 3, 1, 0), wanted["synthesis"]["b8"]["conv0"]["weight"], 1e-3)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_an_iteration_moves_both_networks_and_the_average(name):
    (made,) = [one for one in peers.peers(OPTIONS) if one.formulation.name == name]
    settings = training.Settings(2e-3, r1_gamma=1.0, pl_weight=2.0, style_mixing=0.9, ema_kimg=0.001)
    mode = made.formulation.forward_over_reverse
    loss = training.StyleGAN2Loss(made.generator, made.discriminator, settings, mode)
    iteration = training.Iteration(made.generator, made.discriminator, loss, settings, BATCH, 8)
    watched = {
        "generator": made.generator.synthesis.b8.conv1.weight,
        "mapping": made.generator.mapping.fc0.weight,
        "discriminator": made.discriminator.b8.conv1.weight,
        "average": iteration.average.synthesis.b8.conv1.weight,
        "w_avg": made.generator.mapping.w_avg,
    }
    before = {key: tensor.clone() for key, tensor in watched.items()}
    iteration.step(peers.tensor(networks.pictures(8, BATCH)), lengths=True, r1=True)
    for key, tensor in watched.items():
        assert torch.isfinite(tensor).all() and not torch.equal(tensor, before[key]), key


def test_distance_is_ours():
    from ganinv_jax.benchmarks.torch_peers.features import PerceptualDistance as TorchDistance
    from ganinv_jax.losses.perceptual import PerceptualDistance
    from ganinv_jax.models.features import load_features

    features = load_features()
    a, b = networks.pictures(64, 4).astype(np.float32).reshape(2, 2, 64, 64, 3) / 127.5 - 1
    wanted = PerceptualDistance(features, (), 32)(features.variables, jnp.asarray(a), jnp.asarray(b))
    close(peers.array(TorchDistance(features, 32)(peers.tensor(a), peers.tensor(b))), wanted, 1e-4)


def test_projector_moves_and_keeps_noise_normal():
    from ganinv_jax.inversion.terms import noise_correlation

    noise = np.random.default_rng(0).standard_normal((2, 16, 16)).astype(np.float32)
    found = torch_projector.correlation({"b16.conv0": torch.from_numpy(noise)[:, None]})
    close(peers.array(found), sum(noise_correlation(jnp.asarray(x)) for x in noise))
    maps = {"b16.conv0": torch.from_numpy(noise)[:, None] * 3 + 1}
    torch_projector._normalize(maps)
    close(peers.array(maps["b16.conv0"].mean()), 0.0, 1e-3)
    close(peers.array(maps["b16.conv0"].square().mean()), 1.0)


def test_a_folder_that_is_no_checkout(tmp_path):
    with pytest.raises(InputError, match="must name a checkout of stylegan2-ada-pytorch"):
        peers.peers(dataclasses.replace(OPTIONS, nvidia=tmp_path))


def test_nvidias_options_say_no_listed_widths(tmp_path):
    for folder, file in (("training", "networks.py"), ("torch_utils", "misc.py")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).touch()
    with pytest.raises(InputError, match="cannot have the widths of cat64; choose slim"):
        peers.peers(Options(preset="cat64", against="torch", nvidia=tmp_path))
