"""Every recipe traces at its full size, and takes one step when made tiny."""

from pathlib import Path

import jax
import numpy as np
import pytest
from model_folders import save_tiny_model
from PIL import Image

from ganinv_jax.training import config
from ganinv_jax.training.loop import keys

FOLDER = Path(__file__).parents[1] / "configs"
PROJECTED = [
    "projected.network.size=32",
    "projected.network.channels=4",
    "projected.network.head_channels=(4, 4, 4)",
]
STYLEGAN2 = ["stylegan2.network.resolution=16", "stylegan2.network.channels=(8, 8, 6)"]
INPAINT = ["batch_size=4", "perceptual_size=32", "show.count=1"]
TINY = {
    "gan_cat64": [
        "batch_size=4",
        "generator.resolution=8",
        "generator.z_dim=8",
        "generator.w_dim=8",
        "generator.synthesis.channels=(8, 8)",
        "coverage_size=4",
        *PROJECTED,
    ],
    "gan_ffhq256": [
        "batch_size=4",
        "generator.resolution=16",
        "generator.z_dim=8",
        "generator.w_dim=8",
        "generator.synthesis.channels=(8, 8, 6)",
        *STYLEGAN2,
    ],
    "inpaint_cat64_stage1": [*INPAINT, *PROJECTED],
    "inpaint_cat64_stage2": [*INPAINT, *PROJECTED],
    "inpaint_ffhq256_stage1": [*INPAINT, *STYLEGAN2, "preset=light"],
    "inpaint_ffhq256_stage2": [*INPAINT, *STYLEGAN2, "preset=light"],
    "layers_cat64": ["batch_size=4", "middle=8"],
}
"""What makes a recipe tiny; a new one needs an entry here."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(4):
        picture = np.random.RandomState(i).randint(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{i}.png")
    return str(folder)


def _make(name: str, pictures: str, model: Path | None = None, options=()):
    """The recipe's task; those that start from a model start from the folder `model`."""
    data = {"inpaint": [f"photos.source={pictures}", f"init_from={model}"], "layers": [f"init_from={model}"]}
    given = data.get(name.partition("_")[0], [f"data.source={pictures}"])
    return config.load(str(FOLDER / f"{name}.py"), [f"config.{option}" for option in (*options, *given)]).make()


def test_every_recipe_is_tried():
    assert {path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"} == set(TINY)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_recipe_traces_at_its_full_size(name, pictures, tmp_path):
    side = 256 if "256" in name else 64
    channels = [8] * (side.bit_length() - 2)
    model = save_tiny_model(tmp_path / "model", resolution=side, synthesis={"channels": channels})
    task = _make(name, pictures, model)
    key, _ = keys(task)
    state, batch = jax.eval_shape(task.init, key), next(iter(task.batches(0)))

    def step(state, batch, frozen):
        return task.step(state, batch, key, frozen=frozen, variant=task.variant(0))

    after, metrics = jax.eval_shape(step, state, batch, task.frozen)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(lambda x: (x.shape, x.dtype), state)
    assert all(value.shape == () for value in metrics.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_tiny_version_takes_a_step(name, pictures, tmp_path):
    task = _make(name, pictures, save_tiny_model(tmp_path / "model"), TINY[name])
    key, _ = keys(task)
    step = jax.jit(lambda s, b, f: task.step(s, b, key, frozen=f, variant=task.variant(0)))
    _, metrics = step(task.init(key), next(iter(task.batches(0))), task.frozen)
    assert all(np.isfinite(float(value)) for value in metrics.values())
