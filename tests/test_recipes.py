"""Every recipe is read; those that others build upon trace at full size, and take one step when made tiny."""

from pathlib import Path

import jax
import numpy as np
import pytest
from model_folders import save_tiny_model
from PIL import Image

from ganinv_jax.training import config
from ganinv_jax.training.loop import keys
from ganinv_jax.training.optimizers import AdamConfig

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
        "anchors.components=4",
        "anchors.coarse_resolution=4",
        "anchors.code_size=4",
        "anchors.pixels_size=4",
        "anchors.perceptual_size=32",
        *PROJECTED,
    ],
    "gan_cat64_energy": [
        "batch_size=4",
        "generator.resolution=16",
        "generator.z_dim=6",
        "generator.w_dim=6",
        "generator.mapping.num_layers=1",
        "generator.synthesis.channels=(8, 8, 6)",
        "energy.size=32",
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
    "gan_custom": [
        "batch_size=4",
        "auto.resolution=16",
        "generator.z_dim=8",
        "generator.w_dim=8",
        "generator.synthesis.channels=(8, 8, 6)",
        "stylegan2.network.channels=(8, 8, 6)",
    ],
    "inpaint_cat64_stage1": [*INPAINT, *PROJECTED, "photos.fraction=0.5"],
    "inpaint_cat64_stage2": [*INPAINT, *PROJECTED],
    "inpaint_ffhq256_stage1": [*INPAINT, *STYLEGAN2, "preset=light"],
    "inpaint_ffhq256_stage2": [*INPAINT, *STYLEGAN2, "preset=light"],
    "inpaint_custom_stage1": [*INPAINT, "stylegan2.network.channels=(8, 8, 6)"],
    "layers_cat64": ["batch_size=4", "middle=8"],
    "encoder_cat64": [*INPAINT, *PROJECTED],
    "encoder_ffhq256": [*INPAINT, *STYLEGAN2, "preset=light"],
    "encoder_custom": [*INPAINT, "stylegan2.network.channels=(8, 8, 6)"],
}
"""What makes a recipe tiny; a new one needs an entry here, or below."""
ALIKE = {
    "gan_afhq512",
    "gan_cat128",
    "gan_cat128_energy",
    "gan_ffhq1024",
    *(f"inpaint_{data}_stage{stage}" for data in ("afhq512", "cat128", "ffhq1024") for stage in (1, 2)),
    "inpaint_custom_stage2",
}
"""Recipes that change nothing but sizes, numbers and data of one that is tried."""
FULL_SIZE = [name for name in TINY if "custom" not in name]  # A custom recipe has none of its own.
NVIDIA = {  # recipe: --cfg, side; then of its row: mb, mbstd, fmaps, lrate, gamma, ema, ramp, map
    "gan_ffhq1024": ("stylegan2", 1024, 32, 4, 1, 0.002, 10, 10, None, 8),
    "gan_ffhq256": ("paper256", 256, 64, 8, 0.5, 0.0025, 1, 20, None, 8),
    "gan_afhq512": ("paper512", 512, 64, 8, 1, 0.0025, 0.5, 20, None, 8),
}
"""Rows of `cfg_specs` in `train.py` of NVlabs/stylegan2-ada-pytorch."""


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
    data["encoder"] = [f"data.source={pictures}", f"init_from={model}", "show.count=2"]
    data["gan"] = [f"data.source={pictures}", "init_from=None"]  # The tiny model is none of a recipe's.
    given = data[name.partition("_")[0]]
    return config.load(str(FOLDER / f"{name}.py"), [f"config.{option}" for option in (*options, *given)]).make()


def test_every_recipe_is_tried():
    assert {path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"} == TINY.keys() | ALIKE


@pytest.mark.parametrize("name", sorted(TINY.keys() | ALIKE))
def test_a_recipe_is_read(name, tmp_path):
    around = name.startswith(("inpaint", "encoder"))
    model = save_tiny_model(tmp_path / "model") if around and "custom" in name else "models/none"
    start = [f"config.init_from={model}"] if around else []
    recipe = config.load(name, start)
    assert recipe.task == name.partition("_")[0].replace("encoder", "encode")
    if name.endswith("stage2"):
        assert recipe.config.trains == ("skip",)
        first = config.load(name.replace("stage2", "stage1"), start).config
        assert (first.projected, first.stylegan2) == (recipe.config.projected, recipe.config.stylegan2)


@pytest.mark.parametrize("name", NVIDIA)
def test_the_numbers_are_nvidias(name):
    _, side, batch, group, widths, rate, gamma, ema, ramp, layers = NVIDIA[name]
    found = config.load(name).config
    generator, network = found.generator, found.stylegan2.network
    assert (generator.resolution, network.resolution, found.batch_size) == (side, side, batch)
    assert generator.synthesis.channel_base == network.channel_base == widths * 32768
    assert generator.synthesis.conv_clamp == network.conv_clamp == 256
    assert (generator.mapping.num_layers, network.mbstd_group_size) == (layers, group)
    assert found.optimizer == found.stylegan2.optimizer == AdamConfig(rate, 0.0, 0.99, 1e-8)
    assert (found.stylegan2.r1_gamma, found.ema_kimg, found.ema_rampup) == (gamma, ema, ramp)
    assert (found.pl_weight, found.pl_interval, found.style_mixing, found.stylegan2.r1_interval) == (2, 4, 0.9, 16)


def test_the_numbers_are_idinverts():
    """Those of `train_encoder.py` of genforce/idinvert at 256 px on its 8 GPUs."""
    found = config.load("encoder_ffhq256")
    options = found.config
    steps = 14_000_000 // (16 * 8)
    assert (options.batch_size, found.loop.steps(options.batch_size)) == (128, steps)
    assert options.optimizer == options.stylegan2.optimizer
    assert options.optimizer == AdamConfig(1e-4, 0.9, 0.99, 1e-8, decay=0.8, decay_steps=steps // 4)
    assert (options.weights.mse, options.weights.adversarial) == (1.0, 0.08)
    assert (options.weights.latent, options.weights.delta, options.generated) == (0, 0, 0)
    assert (options.stylegan2.r1_gamma, options.stylegan2.r1_interval) == (10.0, 1)
    assert options.data.mirror and options.stylegan2.augment is None


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_SIZE)
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
