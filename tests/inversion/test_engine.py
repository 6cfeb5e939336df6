"""The loop against Adam in numpy, and what a picture may depend on."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import to_float, to_uint8
from ganinv_jax.inversion import engine, stepping
from ganinv_jax.inversion.degradations import Inversion
from ganinv_jax.inversion.networks import Frozen, Networks, mean_code
from ganinv_jax.inversion.schedule import Adam, Clip, Constant, GradientDescent, Method, Ramps, Stage
from ganinv_jax.inversion.starts import BestW, mean_ws, random_z
from ganinv_jax.inversion.terms import LatentPrior, SquaredError, SummedSquares
from ganinv_jax.pipelines import Model

RATE = 0.05


@pytest.fixture(scope="module")
def networks():
    network = Model(*tiny_model(False, resolution=8, synthesis={"channels": [6, 6]}), "tiny").network("generator")
    networks, frozen = Networks(network.module), Frozen(network.variables)
    w_mean, w_std = mean_code(networks, frozen, jax.random.normal(jax.random.key(0), (500, 6)))
    return networks, frozen._replace(w_mean=w_mean, w_std=w_std)


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(1).uniform(-0.5, 0.5, (3, 8, 8, 3)).astype(np.float32)


def by_pixels(steps=30):
    return Method({"ws": mean_ws}, (Stage(steps, ("ws",), (SquaredError(),), Adam(Constant(RATE))),))


# A rule that draws random numbers in every step, and restarts.
RESTLESS = Method(
    {"z": random_z},
    (Stage(20, ("z",), (SummedSquares(), LatentPrior(0.1)), Adam(Ramps(RATE)), after=(Clip(0.7, "uniform"),)),),
    restarts=2,
)


def run(networks, method, photos, **options):
    return engine.run(*networks, method, Inversion(), photos, [0] * len(photos), **options)


def test_it_is_adam_on_the_pixels(networks, photos):
    modules, frozen = networks
    target = photos[0]

    @jax.jit
    def loss(ws):
        images = modules.generator.apply(frozen.generator, ws[None], method="synthesize")
        return jnp.mean((images[0] - target) ** 2)

    ws = np.repeat(np.asarray(frozen.w_mean)[None], 4, axis=0).astype(np.float64)
    m, v, losses = np.zeros_like(ws), np.zeros_like(ws), []
    for step in range(1, 31):
        value, g = jax.jit(jax.value_and_grad(loss))(jnp.asarray(ws, jnp.float32))
        losses.append(value)
        m, v = 0.9 * m + 0.1 * np.asarray(g), 0.999 * v + 0.001 * np.asarray(g) ** 2
        ws = ws - RATE * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    found = run(networks, by_pixels(), photos[:1])
    np.testing.assert_allclose(found.losses["total"][:, 0], losses, rtol=1e-3)
    np.testing.assert_allclose(found.ws[0], ws, atol=1e-3)
    assert losses[-1] < 0.7 * losses[0]


def test_a_picture_does_not_depend_on_those_beside_it(networks, photos):
    together = run(networks, RESTLESS, photos)
    for index in range(3):
        alone = run(networks, RESTLESS, photos[index : index + 1])
        np.testing.assert_allclose(alone.variables["z"][0], together.variables["z"][index], atol=1e-4)
        np.testing.assert_allclose(alone.images[0], together.images[index], atol=1e-4)


def test_the_better_restart_is_kept(networks, photos):
    kept = run(networks, RESTLESS, photos).losses["total"][-1]
    first = run(networks, Method(RESTLESS.start, RESTLESS.stages), photos).losses["total"][-1]
    assert np.all(kept <= first + 1e-4) and np.any(kept < first - 1e-3)


def bouncing(restarts):
    """Gradient descent of so high a rate that losses rise and fall."""
    stage = Stage(40, ("z",), (SummedSquares(),), GradientDescent(Constant(0.05)))
    return Method({"z": random_z}, (stage,), restarts)


def test_a_stopped_run_keeps_the_restart_with_the_best_variables(networks, photos):
    """The restarts of fewer are among those of more, so that the best of more is never worse."""
    found = [run(networks, bouncing(n), photos, watch=lambda progress: True) for n in (1, 2, 3, 4)]
    kept = np.stack([one.loss for one in found])
    assert np.all(np.diff(kept, axis=0) <= 1e-4) and np.any(kept[3] < kept[0] - 1e-2)
    last = np.stack([one.losses["total"][-1] for one in found])
    assert np.any(last > kept + 1e-2)
    errors = np.sum((found[3].images - photos) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(errors, kept[3], rtol=1e-4)


@dataclasses.dataclass(frozen=True)
class Bursting:
    """A rate that no variable survives, from a share of the stage on."""

    since: float

    def __call__(self, progress):
        return jnp.where(progress >= self.since, jnp.inf, RATE)


@pytest.mark.parametrize(("since", "diverged"), [(0.5, 12), (0.95, 22)])
def test_what_was_before_a_divergence_is_kept(networks, photos, since, diverged):
    """In the middle, and by the very last step, after which there is no loss."""
    stage = Stage(22, ("ws",), (SquaredError(),), GradientDescent(Bursting(since)))
    found = run(networks, Method({"ws": mean_ws}, (stage,)), photos)
    assert list(found.diverged) == [diverged] * 3 and not found.stopped
    total = found.losses["total"]
    assert np.isfinite(total[:diverged]).all() and not np.isfinite(total[diverged:]).any()
    np.testing.assert_array_equal(found.loss, total[:diverged].min(axis=0))
    np.testing.assert_allclose(np.mean((found.images - photos) ** 2, axis=(1, 2, 3)), found.loss, rtol=1e-4)


@dataclasses.dataclass(frozen=True)
class Cliff(SquaredError):
    """The squared error, where it is above a floor; below there is nothing."""

    floor: float = 0.0

    def __call__(self, view):
        error = super().__call__(view)
        return jnp.where(error > self.floor, error, jnp.nan)


def test_a_divergence_is_a_pictures_own_affair(networks, photos):
    """Only the picture that comes nearest falls, and a further stage goes on from its best."""
    plain = run(networks, by_pixels(), photos)
    lowest = np.sort(plain.losses["total"].min(axis=0))
    falls = plain.losses["total"].min(axis=0) == lowest[0]
    floor = float(lowest[:2].mean())
    stage = by_pixels().stages[0]
    edge = dataclasses.replace(stage, terms=(Cliff(floor=floor),))
    found = run(networks, Method({"ws": mean_ws}, (edge,)), photos)
    np.testing.assert_array_equal(found.diverged >= 0, falls)
    np.testing.assert_allclose(found.images[~falls], plain.images[~falls], atol=1e-4)
    on = run(networks, Method({"ws": mean_ws}, (edge, stage)), photos)
    np.testing.assert_array_equal(on.diverged, found.diverged)
    np.testing.assert_allclose(on.losses["total"][30, falls], found.loss[falls], rtol=1e-4)


def test_a_picture_that_never_had_a_finite_loss(networks, photos):
    seen = []
    with pytest.raises(InputError, match="for 1 of 3 photos none ever was; choose another start"):
        run(networks, by_pixels(1000), photos * np.float32([1, np.inf, 1])[:, None, None, None], watch=seen.append)
    assert not seen


def test_a_film_of_the_way(networks, photos):
    seen = []
    plain = run(networks, by_pixels(45), photos)
    for frames, count in ((6, 5), (100, 46)):
        found = run(networks, by_pixels(45), photos, frames=frames, watch=lambda progress: seen.append(progress.done))
        assert found.frames.shape == (3, count, 8, 8, 3) and found.frames.dtype == np.uint8
        np.testing.assert_array_equal(found.frames[:, -1], to_uint8(plain.images))
        np.testing.assert_array_equal(found.images, plain.images)
        errors = np.mean((to_float(found.frames) - photos[:, None]) ** 2, axis=(2, 3, 4)).T
        every = {6: 12, 100: 1}[frames]
        np.testing.assert_allclose(errors[:-1], plain.losses["total"][::every], atol=1e-2)
    assert seen[:5] == [12, 20, 24, 36, 40]


def test_stopping_gives_the_best_so_far(networks, photos):
    seen = []

    def watch(progress):
        seen.append((progress.done, progress.total))
        return progress.done == 40

    found = run(networks, by_pixels(1000), photos, watch=watch)
    assert found.stopped and seen == [(20, 1000), (40, 1000)]
    assert found.losses["total"].shape == (40, 3)
    errors = np.mean((found.images - photos) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(errors, found.losses["total"][-1], rtol=0.05)


def test_stopping_after_a_fall_and_a_rise_gives_the_lowest(networks, photos):
    """Downhill for a stretch, then uphill: the later variables are worse, and not what comes back."""

    def turning(progress):
        return jnp.where(progress < 0.5, RATE, -RATE)

    stage = Stage(40, ("ws",), (SquaredError(),), Adam(turning))
    found = run(networks, Method({"ws": mean_ws}, (stage,)), photos, watch=lambda progress: progress.done == 40)
    lowest = run(networks, by_pixels(20), photos)
    assert np.all(found.losses["total"][-1] > found.losses["total"][19])
    np.testing.assert_allclose(found.ws, lowest.ws, atol=1e-5)


def test_one_program_serves_any_number_of_steps(networks, photos):
    run(networks, by_pixels(7), photos)
    compiled = stepping._advance._cache_size()
    run(networks, by_pixels(45), photos)
    run(networks, by_pixels(45), photos + 0.1, frames=10)
    assert stepping._advance._cache_size() == compiled


def test_the_best_of_many_codes(networks, photos):
    modules, frozen = networks
    best = run(networks, Method({"w": BestW(200)}), photos)
    z = jax.random.normal(jax.random.key(9), (200, 6))
    images = np.asarray(modules.generator.apply(frozen.generator, z))
    for photo, found in zip(photos, best.images, strict=True):
        errors = np.mean((images - photo) ** 2, axis=(1, 2, 3))
        assert np.mean((found - photo) ** 2) < np.quantile(errors, 0.05)
    assert best.losses["total"].shape == (0, 3)
