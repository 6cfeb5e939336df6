"""L-BFGS against SciPy's, against gradients alone, and its tolerance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import tiny_model
from scipy import optimize

from ganinv_jax.core.errors import InputError
from ganinv_jax.inversion import engine
from ganinv_jax.inversion.degradations import Inversion
from ganinv_jax.inversion.lbfgs import LBFGS
from ganinv_jax.inversion.methods.igan import BoundedZ
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.schedule import Adam, Clip, Constant, GradientDescent, Method, Stage
from ganinv_jax.inversion.terms import SquaredError
from ganinv_jax.pipelines import Model

ITERATIONS = 60
SCALE = 1000.0  # of the loss, so that the tolerance is far below what is compared


@pytest.fixture(scope="module")
def networks():
    network = Model(*tiny_model(False, resolution=8, synthesis={"channels": [6, 6]}), "tiny").network("generator")
    return Networks(network.module), Frozen(network.variables)


@dataclasses.dataclass(frozen=True)
class From:
    """The same u for every picture."""

    u: tuple[float, ...]

    def __call__(self, scene, key):
        return jnp.array(self.u)


START = From((0.3, -1.2, 0.8, 1.5, -0.4, 0.1))
CALLS = []


@pytest.fixture(scope="module")
def photos(networks):
    """Pictures of codes near the start, so that all look for the same."""
    modules, frozen = networks
    u = np.array(START.u) + np.random.default_rng(0).normal(scale=0.3, size=(3, 6))
    return np.asarray(modules.generator.apply(frozen.generator, 3 * np.tanh(u / 3).astype(np.float32)))


@dataclasses.dataclass(frozen=True)
class Counted(SquaredError):
    """The squared error, each evaluation of which is counted."""

    def __call__(self, view):
        jax.debug.callback(lambda: CALLS.append(1))
        return super().__call__(view)


def by(optimiser, steps=ITERATIONS, term=None):
    return Method({"u": START}, (Stage(steps, ("u",), (term or SquaredError(SCALE),), optimiser),), draw=BoundedZ(3.0))


def run(networks, method, photos):
    return engine.run(*networks, method, Inversion(), photos, [0] * len(photos))


@pytest.fixture(scope="module")
def found(networks, photos):
    CALLS.clear()
    found = run(networks, by(LBFGS(), term=Counted(SCALE)), photos)
    jax.effects_barrier()
    return found, len(CALLS) / len(photos)


@pytest.mark.slow
def test_scipys_finds_as_much(networks, photos, found):
    modules, frozen = networks

    @jax.jit
    @jax.value_and_grad
    def loss(u, photo):
        image = modules.generator.apply(frozen.generator, 3 * jnp.tanh(u / 3)[None])
        return SCALE * jnp.mean((image[0] - photo) ** 2)

    def of(u, photo):
        value, slopes = loss(jnp.asarray(u, jnp.float32), photo)
        return float(value), np.asarray(slopes, np.float64)

    for i, photo in enumerate(photos):
        options = {"maxiter": ITERATIONS}
        other = optimize.minimize(of, START.u, (photo,), "L-BFGS-B", jac=True, tol=1e-6, options=options)
        assert found[0].losses["total"][0, i] == pytest.approx(of(START.u, photo)[0], rel=1e-5)
        assert max(found[0].loss[i], other.fun) < 5e-3 * of(START.u, photo)[0]


@pytest.mark.parametrize("other", [GradientDescent(Constant(0.3 / SCALE)), Adam(Constant(0.05))])
@pytest.mark.slow
def test_gradients_alone_find_less_with_as_many_evaluations(networks, photos, found, other):
    best, evaluations = found
    rival = run(networks, by(other, steps=round(evaluations)), photos)
    assert best.loss.mean() < 0.5 * rival.loss.mean()


def test_a_converged_picture_rests(networks, photos, found):
    early = run(networks, by(LBFGS(tolerance=1e-3)), photos)
    for i in range(3):
        falls = -np.diff(early.losses["total"][:, i])
        first = np.flatnonzero(falls <= 1e-3)[0]
        assert first < 20 and np.all(falls[:first] > 1e-3) and np.all(falls[first + 1 :] == 0)
    assert np.all(found[0].loss <= early.loss)


@pytest.mark.parametrize("beyond", [5.0, np.nan])
def test_where_a_search_finds_nothing_lower_the_variables_stay(beyond):
    """The slope points to where the loss is higher, or where there is none."""
    optimiser, u = LBFGS(), {"u": jnp.array([1.0])}

    def objective(variables):
        higher = jnp.where(variables["u"] == 1, 2.0, beyond)
        return jnp.sum(jax.lax.stop_gradient(higher + variables["u"]) - variables["u"]), {}

    moved, (_, done), _ = optimiser.step(objective, u, optimiser.begin(u), 0.0)
    assert moved["u"] == 1 and done


@pytest.mark.slow
def test_pictures_are_the_same_to_the_bit_whatever_is_beside_them(networks, photos, found):
    alone = run(networks, by(LBFGS(), term=Counted(SCALE)), photos[1:2])
    np.testing.assert_array_equal(alone.variables["u"][0], found[0].variables["u"][1])


def test_no_rule_may_move_what_it_searches():
    with pytest.raises(InputError, match="searches goes without perturbation and rules"):
        Stage(1, ("z",), (SquaredError(),), LBFGS(), after=(Clip(3.0, "hard"),))
