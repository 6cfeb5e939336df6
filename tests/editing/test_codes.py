"""Codes moved, mixed and interpolated, and styles changed channel by channel."""

import jax
import numpy as np
import pytest
from model_folders import SIDE, tiny_generator, tiny_model

from ganinv_jax.core.errors import InputError
from ganinv_jax.editing import StyleDirection, channel_deviations, channel_direction, crossover, lerp, mix, move, slerp
from ganinv_jax.models.directions import Direction
from ganinv_jax.models.stylegan2 import Generator, style_rows, styles_of

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 3, 6, 5)).astype(np.float32)
VECTOR = RNG.normal(size=5).astype(np.float32)
NETWORK, VARIABLES = Generator(tiny_generator()), tiny_model(inpainter=False)[1]["generator"]
QUICK: dict = {"compiler_options": {"xla_backend_optimization_level": 0}}


def test_moving():
    np.testing.assert_array_equal(move(A, Direction(VECTOR), 0), A)
    np.testing.assert_allclose(move(A, Direction(VECTOR), -2), A - 2 * VECTOR, rtol=1e-6)
    rows = RNG.normal(size=(6, 5)).astype(np.float32)
    np.testing.assert_allclose(move(A, Direction(rows), 1.5), A + 1.5 * rows, rtol=1e-5)


@pytest.mark.parametrize("vector", [VECTOR, np.tile(VECTOR, (6, 1))])
def test_only_the_chosen_rows_move(vector):
    moved = move(A, Direction(vector), 1, layers=[0, 4])
    np.testing.assert_array_equal(moved[:, [1, 2, 3, 5]], A[:, [1, 2, 3, 5]])
    np.testing.assert_array_equal(moved[:, [0, 4]], (A + VECTOR)[:, [0, 4]])


@pytest.mark.parametrize(
    ("vector", "layers", "message"),
    [
        (np.ones(4, np.float32), None, r"must have the shape \[5\] or \[6, 5\] for this model, but has \[4\]"),
        (np.ones((4, 5), np.float32), None, r"but has \[4, 5\]"),
        (VECTOR, [5, 6], r"layers must lie between 0 and 5 for this model, but \[6\] do not"),
        (VECTOR, [], "at least one row"),
    ],
)
def test_what_does_not_fit(vector, layers, message):
    with pytest.raises(InputError, match=message):
        move(A, Direction(vector), 1, layers)


def test_mixing():
    mixed = mix(A, B, range(2, 6))
    np.testing.assert_array_equal(mixed[:, :2], A[:, :2])
    np.testing.assert_array_equal(mixed[:, 2:], B[:, 2:])
    np.testing.assert_array_equal(mix(A, B, []), A)
    np.testing.assert_array_equal(mix(A, B, range(6)), B)
    with pytest.raises(InputError, match="layers must lie between 0 and 5"):
        mix(A, B, [6])


@pytest.mark.parametrize("between", [lerp, slerp])
def test_both_ends_are_met_to_the_bit(between):
    np.testing.assert_array_equal(between(A, B, 0), A)
    np.testing.assert_array_equal(between(A, B, 1), B)
    assert between(A, B, 0.3).dtype == np.float32


def test_the_straight_line():
    np.testing.assert_allclose(lerp(A, B, 0.25), A + (B - A) / 4, rtol=1e-4, atol=1e-6)


def test_the_great_circle():
    """A third of the way is a third of the angle, and lengths stay where they are equal."""
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in RNG.normal(size=(2, 4, 9)))
    third = slerp(a, b, 1 / 3)
    np.testing.assert_allclose(np.linalg.norm(third, axis=-1), 1)
    angle = np.arccos(np.sum(a * b, axis=-1))
    np.testing.assert_allclose(np.arccos(np.sum(a * third, axis=-1)), angle / 3)
    np.testing.assert_allclose(slerp(a, a, 0.4), a)
    np.testing.assert_allclose(slerp(a, -a, 0.25), a / 2, atol=1e-9)  # no circle is the nearest
    np.testing.assert_array_equal(slerp(0 * a, b, 0.5), b / 2)


def test_a_region_of_another_picture():
    draw = jax.jit(lambda v, a, b, region: crossover(NETWORK, v, a, b, region, 8), **QUICK)
    none, left = np.zeros((SIDE, SIDE, 1), np.float32), np.zeros((SIDE, SIDE, 1), np.float32)
    left[:, : SIDE // 2] = 1
    ours, merged = draw(VARIABLES, A, B, none), draw(VARIABLES, A, B, left)
    plain = jax.jit(lambda v, a: NETWORK.apply(v, a, method="synthesize"), **QUICK)(VARIABLES, A)
    np.testing.assert_allclose(ours, plain, atol=1e-3)
    change = np.abs(np.asarray(merged - ours)).mean(axis=(0, 1, 3))
    assert change[: SIDE // 2].min() > 10 * change[-2:].max()
    np.testing.assert_array_equal(draw(VARIABLES, A, B, none + 1), draw(VARIABLES, A, B, none + 1))
    with pytest.raises(InputError, match="resolution must be one of .* below the last, but it is 16"):
        crossover(NETWORK, VARIABLES, A, B, none, SIDE)


def test_styles_are_what_layers_are_modulated_with():
    """Changing a layer's styles as a change of its row of W+ would is changing that row, for that layer alone."""
    config, rows = NETWORK.config, style_rows(NETWORK.config)
    change = move(A, Direction(VECTOR), 1) - A
    before, after = (styles_of(config, VARIABLES, ws) for ws in (A, A + change))
    restyle = {layer: after[layer] - before[layer] for layer in rows}
    synthesize = jax.jit(lambda v, ws, s: NETWORK.apply(v, ws, restyle=s, method="synthesize"), **QUICK)
    wanted = synthesize(VARIABLES, A + change, {})
    np.testing.assert_allclose(synthesize(VARIABLES, A, restyle), wanted, rtol=1e-3, atol=1e-3)
    last = {layer: x for layer, x in restyle.items() if rows[layer] == 5}
    assert list(last) == [(SIDE, "torgb")]
    wanted = synthesize(VARIABLES, np.concatenate([A[:, :5], (A + change)[:, 5:]], axis=1), {})
    np.testing.assert_allclose(synthesize(VARIABLES, A, last), wanted, rtol=1e-3, atol=1e-3)
    with pytest.raises(InputError, match="restyle must name layers that run"):
        NETWORK.apply(VARIABLES, A, restyle={(4, "conv0"): np.zeros((1, 8))}, method="synthesize")


def test_a_channel_moves_by_its_deviation():
    config = NETWORK.config
    deviations = channel_deviations(styles_of(config, VARIABLES, A))
    direction = channel_direction(deviations, (8, "conv1"), 3)
    (layer, change), *others = direction.changes(config, 2).items()
    assert layer == (8, "conv1") and not others and direction.name == "8.conv1.3"
    wanted = np.zeros(8)
    wanted[3] = 2 * np.std(styles_of(config, VARIABLES, A)[layer], axis=0)[3]
    np.testing.assert_allclose(change[0], wanted, rtol=1e-5)
    assert direction.changes(config, 2, layers=[2]).keys() == {layer}
    with pytest.raises(InputError, match="layers must name a row that '8.conv1.3' acts at, which is 2"):
        direction.changes(config, 2, layers=[0, 1])
    with pytest.raises(InputError, match="style's layer must be one of 4.conv1, 4.torgb, .* but is 8.conv7"):
        channel_direction(deviations, (8, "conv7"), 0)
    with pytest.raises(InputError, match="has channels 0 to 7, but 8 is asked for"):
        channel_direction(deviations, (8, "conv1"), 8)
    with pytest.raises(InputError, match="must name layers of this model"):
        StyleDirection({(64, "conv1"): VECTOR}).changes(config, 1)
