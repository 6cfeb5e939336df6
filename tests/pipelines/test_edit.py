"""Edits of completions and of codes: what moves, what stays to the bit, and what is left of them on disk."""

import dataclasses
import functools
import json

import jax
import numpy as np
import pytest
from flax import traverse_util
from model_folders import SIDE, tiny_model
from PIL import Image

from ganinv_jax.core.errors import InputError
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.directions import Direction
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines import inpaint as inpainting
from ganinv_jax.pipelines.edit import edit_all
from ganinv_jax.pipelines.pictures import as_pictures
from ganinv_jax.pipelines.state import Codes, State, load_state

VECTOR = np.random.default_rng(1).normal(size=5).astype(np.float32)
DIRECTION = Direction(VECTOR, "age")
QUICK: dict = {"compiler_options": {"xla_backend_optimization_level": 0}}


@pytest.fixture(scope="module")
def made(model):
    """Three completions, plain and with the known pixels pasted."""
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    hole = np.zeros((24, 40), bool)
    hole[6:18, 20:36] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inpainting, "reporting_distance", lambda: PerceptualDistance(stages=("stride4",), size=32))
        return tuple(model.inpaint(photo, hole, samples=3, seed=7, composite=pasted) for pasted in (False, True))


@pytest.mark.parametrize("pasted", [0, 1])
def test_strength_0_gives_completions_back_to_the_bit(model, made, pasted, tmp_path):
    made[pasted].state.save(tmp_path / "state.npz")
    for given in (made[pasted], made[pasted].state, load_state(tmp_path / "state.npz")):
        np.testing.assert_array_equal(model.edit(given, DIRECTION, 0), made[pasted].images)
    np.testing.assert_array_equal(model.edit(made[pasted], "8.conv1.2", [0.0, 3.0])[:, 0], made[pasted].images)


def test_edits_are_the_networks_pictures_of_moved_codes(model, made):
    """With the known pixels' features added again; hole and rest both move."""
    state = made[0].state
    images = model.edit(made[0], DIRECTION, [-1, 2])
    assert images.shape == (3, 2, SIDE, SIDE, 3) and images.dtype == np.uint8
    wanted = as_pictures(inpainting.render(model, state, state.ws + 2 * VECTOR))
    np.testing.assert_array_equal(images[:, 1], wanted)
    change = np.abs(images[:, 1].astype(int) - made[0].images)
    assert change[:, state.hole].mean() > 5 and change[:, ~state.hole].mean() > 5
    without = model.edit(made[0], DIRECTION, 2, skip=False)
    np.testing.assert_array_equal(without, as_pictures(inpainting.render(model, state, state.ws + 2 * VECTOR, False)))
    assert np.abs(without.astype(int) - wanted).max() > 5


def test_only_the_chosen_rows_move(model, made):
    moved = made[0].ws.copy()
    moved[:, 2:4] += VECTOR
    wanted = as_pictures(inpainting.render(model, made[0].state, moved))
    np.testing.assert_array_equal(model.edit(made[0], VECTOR, 1, layers=[2, 3]), wanted)


def test_pasted_pixels_move_as_the_model_moves_them(model, made):
    plain, pasted = (model.edit(result, DIRECTION, 1) for result in made)
    hole, known = made[0].state.hole, ~made[0].state.hole
    np.testing.assert_array_equal(pasted[:, hole], plain[:, hole])
    moved = plain[:, known].astype(int) - made[0].images[:, known]
    np.testing.assert_array_equal(pasted[:, known], (made[0].photo[known] + moved).clip(0, 255))


def test_generated_pictures(model):
    pictures, ws = model.generate(range(3)), model.map(np.concatenate([_z(seed) for seed in range(3)]))
    np.testing.assert_array_equal(model.edit(ws, DIRECTION, 0), pictures)
    wanted = as_pictures(model.synthesize(np.asarray(ws) + 2 * VECTOR))
    np.testing.assert_array_equal(model.edit(ws, DIRECTION, 2), wanted)


def _z(seed):
    return np.random.RandomState(seed).randn(1, 6).astype(np.float32)


def test_inversions_keep_their_own_noise_and_weights(model, tmp_path):
    """Each picture its own, as the generator draws it with them in place of the model's."""
    network, ws = model.network("generator"), np.asarray(model.map(np.concatenate([_z(0), _z(1)])))
    own = {
        "noise": jax.tree.map(lambda x: np.stack([x + 1, 2 * x]), network.variables["buffers"]["synthesis"]),
        "weights": jax.tree.map(lambda x: np.stack([1.1 * x, 0.9 * x]), network.variables["params"]["synthesis"]),
        "w": ws[:, 0],
    }
    leaves = {f"variables/{path}": leaf for path, leaf in traverse_util.flatten_dict(own, sep="/").items()}
    np.savez(tmp_path / "state.npz", format=1, ws=ws, model="tiny", digest=model.digest, losses=[1.0], **leaves)
    images = model.edit(load_state(tmp_path / "state.npz"), DIRECTION, 1)
    for row, image in enumerate(images):
        noise, weights = (jax.tree.map(lambda x, row=row: x[row], own[name]) for name in ("noise", "weights"))
        mapping = network.variables["params"]["mapping"]
        variables = {"params": {"mapping": mapping, "synthesis": weights}, "buffers": {"synthesis": noise}}
        draw = jax.jit(lambda v, ws: network.module.apply(v, ws, method="synthesize"), **QUICK)
        wanted = np.clip(np.asarray(draw(variables, ws[row : row + 1] + VECTOR)[0]) * 127.5 + 128, 0, 255)
        assert np.abs(wanted - image).max() <= 1.01
    assert np.abs(images.astype(int) - model.edit(ws, DIRECTION, 1)).max() > 5


@pytest.mark.slow
def test_all_codes_of_a_composed_inversion_move(model, tmp_path):
    """As they are saved; strength 0 is the reconstruction, which the mean code does not draw."""
    photo = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    found = model.invert(photo, method="mganprior", codes=2, layer=8, perceptual=0.0, steps=1)
    found.save(tmp_path)
    state = load_state(tmp_path / "photo00" / "state.npz")
    images = model.edit(state, DIRECTION, [0, 1])[0].astype(int)
    assert np.abs(images[0] - found.images[0]).max() <= 1
    assert np.abs(images[0] - model.edit(found.ws, DIRECTION, 0)[0]).max() > 5
    network, z = model.network("generator"), found.variables["z_codes"][0]
    draw = functools.partial(network.module.apply, network.variables)
    every = np.asarray(model.map(z)) + VECTOR
    parts, rgb = draw(every, 8, method="features")
    x = np.einsum("nc,nhwc->hwc", found.variables["channels"][0], parts)[None]
    rgb = {"rgb": rgb["rgb"].mean(axis=0, keepdims=True)}
    wanted = draw(every.mean(axis=0)[None], start=16, x=x, images=rgb, method="synthesize")[0]
    assert np.abs(np.clip(np.asarray(wanted) * 127.5 + 128, 0, 255) - images[1]).max() <= 1.01
    with pytest.raises(InputError, match="directions in W only"):
        model.edit(state, "8.conv1.2", 1)


def test_a_style_channel_leaves_other_channels_alone(model):
    """Set where no layer follows but one, a channel's change is linear in the picture."""
    ws = model.map(_z(0))
    images = model.edit(ws, f"{SIDE}.torgb.1", [-0.5, 0, 0.5]).astype(int)[0]
    assert np.abs(images[2] - images[1]).max() > 1
    inside = np.all((images > 1) & (images < 254), axis=0)
    assert np.abs(images[2] - 2 * images[1] + images[0])[inside].max() <= 2
    with pytest.raises(InputError, match="layers must name a row that '16.torgb.1' acts at, which is 5"):
        model.edit(ws, f"{SIDE}.torgb.1", 1, layers=[0])


def test_directions_by_name_and_by_file(model, tmp_path):
    config, arrays = tiny_model()
    arrays["direction"] = {"params": {"age": VECTOR, "pose": 2 * VECTOR}}
    named, ws = Model(config, arrays, "named"), model.map(_z(0))
    wanted = model.edit(ws, DIRECTION, 1)
    np.save(tmp_path / "one.npy", VECTOR)
    np.savez(tmp_path / "two.npz", age=VECTOR, pose=2 * VECTOR)
    for direction in ("age", tmp_path / "one.npy", f"{tmp_path}/two.npz:age", VECTOR.tolist()):
        np.testing.assert_array_equal(named.edit(ws, direction, 1), wanted)
    np.testing.assert_array_equal(named.edit(ws, "pose", 0.5), wanted)
    with pytest.raises(InputError, match="There is no direction 'poze'; did you mean 'pose'. named has age, pose; or"):
        named.edit(ws, "poze", 1)
    with pytest.raises(InputError, match="tiny has no directions, and there is no file 'age'; run: ganinv directions"):
        model.edit(ws, "age", 1)
    with pytest.raises(InputError, match="holds 2 directions, so one must be named: age, pose"):
        model.edit(ws, tmp_path / "two.npz", 1)
    with pytest.raises(InputError, match="Strengths must be finite"):
        model.edit(ws, DIRECTION, [0, np.nan])


def test_what_is_written(model, made, tmp_path):
    given = {"a": made[0].state, "b": Codes(made[0].ws[:1], "tiny", model.digest)}
    result = edit_all(model, given, DIRECTION, [0.0, 1.5], layers=[3, 1], walk=True)
    assert result.images.shape[:2] == (4, 2)
    np.testing.assert_array_equal(result.images[:3], model.edit(made[0], DIRECTION, [0, 1.5], layers=[1, 3]))
    # There and back; both ends once.
    assert len(result.walk) == 48 and len(np.unique(result.walk[:, 0], axis=0)) == 25
    np.testing.assert_array_equal(result.walk[0], result.images[:, 0])
    np.testing.assert_array_equal(result.walk[24], result.images[:, 1])
    result.save(tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["direction"] == "age" and report["layers"] == [1, 3] and report["skip"]
    first, second = report["pictures"][:2]
    assert first == {"name": "edit_00_+0.png", "source": "a#0", "strength": 0.0, "change_hole": 0, "change_known": 0}
    assert second["change_hole"] > 1 and report["pictures"][-1].keys() == {"name", "source", "strength", "change"}
    np.testing.assert_array_equal(Image.open(tmp_path / second["name"]), result.images[0, 1])
    strip = np.asarray(Image.open(tmp_path / "strip.png"))
    np.testing.assert_array_equal(strip[:SIDE, -SIDE:], result.images[0, 1])
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames >= 40 and gif.size == (4 * SIDE + 6, SIDE)  # Pillow leaves out equal neighbours


def test_states_of_other_models_and_damaged_ones(model, made, tmp_path):
    other = Model(*tiny_model(inpainter=False), "other")
    for state in (Codes(made[0].ws, "tiny", model.digest), dataclasses.replace(made[0].state)):
        with pytest.raises(InputError, match="made by tiny, whose weights are not those of other"):
            other.edit(state, DIRECTION, 1)
    np.savez(tmp_path / "codes.npz", format=1, ws=made[0].ws, model="tiny", digest=model.digest, steps=9)
    found = load_state(tmp_path / "codes.npz")
    assert isinstance(found, Codes) and found.variables == {}
    np.savez(tmp_path / "cut.npz", format=1, ws=made[0].ws)
    for load in (load_state, State.load):
        with pytest.raises(InputError, match="cut.npz must be a whole state.npz, but has no"):
            load(tmp_path / "cut.npz")
    with pytest.raises(InputError, match=r"strengths must all differ, but they are \+1, \+1"):
        edit_all(model, {"a": found}, DIRECTION, [1.0, 1.0])
