"""Numbers out of range are found when a recipe is read or its networks are chosen, before anything is compiled."""

import dataclasses
import sys
from pathlib import Path

import jax
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.models.layerwise import layer_encoders
from ganinv_jax.models.projected.layers import Spread
from ganinv_jax.training import config
from ganinv_jax.training.tasks.encode.start import read_start as encoder_start
from ganinv_jax.training.tasks.inpaint.start import read_start as inpainter_start

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import save_tiny_model, tiny_generator

MAPPING, SYNTHESIS, JUDGE = "generator.mapping.", "generator.synthesis.", "stylegan2.network."
IN_RECIPES = [
    ("gan_cat64", MAPPING + "num_layers", -1),
    ("gan_cat64", MAPPING + "embed_features", 0),
    ("gan_cat64", MAPPING + "layer_features", -3),
    ("gan_cat64", MAPPING + "w_avg_beta", 1.5),
    ("gan_cat64", SYNTHESIS + "channel_base", 0),
    ("gan_ffhq256", SYNTHESIS + "channel_base", 128),
    ("gan_cat64", SYNTHESIS + "channel_max", -3),
    ("gan_cat64", SYNTHESIS + "channels", (8, 8, 8, 8, 0)),
    ("gan_cat64", SYNTHESIS + "conv_clamp", "1e999"),
    ("gan_cat64", "generator.z_dim", 0),
    ("gan_cat64", "generator.c_dim", -1),
    ("gan_ffhq256", JUDGE + "channel_base", 0),
    ("gan_ffhq256", JUDGE + "channel_base", 128),
    ("gan_ffhq256", JUDGE + "channel_max", 0),
    ("gan_ffhq256", JUDGE + "img_channels", 0),
    ("gan_ffhq256", JUDGE + "cmap_dim", -1),
    ("gan_ffhq256", JUDGE + "mbstd_group_size", 0),
    ("gan_ffhq256", JUDGE + "mbstd_group_size", -4),
    ("gan_ffhq256", JUDGE + "mbstd_num_channels", -1),
    ("gan_ffhq256", JUDGE + "freeze_layers", -3),
    ("gan_ffhq256", JUDGE + "freeze_layers", 20),
    ("gan_ffhq256", "stylegan2.r1_gamma", -1.0),
    ("gan_ffhq256", "stylegan2.r1_interval", -1),
    ("gan_ffhq256", "stylegan2.controller.kimg", 0.0),
    ("gan_ffhq256", "stylegan2.controller.interval", 0),
    ("gan_cat64", "projected.network.size", 0),
    ("gan_cat64", "projected.network.channels", -1),
    ("gan_cat64", "projected.network.mixing_kernel", -1),
    ("gan_cat64", "projected.network.head_channels", (32, 0, 128)),
    ("gan_cat64", "projected.network.spread_group", -8),
    ("gan_cat64", "optimizer.learning_rate", 0.0),
    ("gan_cat64", "optimizer.eps", -1.0),
    ("gan_cat64", "optimizer.eps", 0.0),
    ("gan_cat64", "optimizer.warmup", -1),
    ("gan_cat64", "pl_weight", -2.0),
    ("gan_cat64", "pl_interval", -4),
    ("gan_cat64", "pl_batch_shrink", 0),
    ("gan_cat64", "anchors.components", 0),
    ("gan_cat64", "anchors.pixels", -1.0),
    ("gan_cat64_energy", "energy.size", 0),
    ("gan_cat64", "data.threads", 0),
    ("gan_cat64", "loop.keep", 0),
    ("inpaint_cat64_stage1", "photos.warmup_kimg", -1.0),
    ("inpaint_cat64_stage1", "diversity_share", 1.5),
    ("inpaint_ffhq256_stage1", JUDGE + "img_channels", 1),
    ("inpaint_ffhq256_stage1", JUDGE + "c_dim", 2),
    ("encoder_cat64", "weights.delta", -1.0),
    ("layers_cat64", "apart_kimg", -1.0),
    ("layers_cat64", "together.eps", 0.0),
]

ENCODER = ("channel_base", "channel_max", "pyramid", "head_channels")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tiny_model(tmp_path_factory.mktemp("model") / "gan", inpainter=False))


@pytest.mark.parametrize(("recipe", "option", "value"), IN_RECIPES)
def test_in_a_recipe(recipe, option, value):
    with pytest.raises(InputError, match=rf"\b{option.rpartition('.')[2]}\b"):
        config.load(recipe, [f"--config.{option}={value}"])


@pytest.mark.parametrize(
    ("recipe", "option", "value", "named"),
    [
        ("gan_cat64", "batch_size", 20, "batch_size"),
        ("inpaint_cat64_stage1", "batch_size", 20, "batch_size"),
        ("encoder_cat64", "batch_size", 20, "batch_size"),
        ("encoder_cat64", "generated", 0.4, "spread_group 8"),
    ],
)
def test_batches_of_whole_groups(recipe, option, value, named):
    with pytest.raises(InputError, match=rf"\b{named}\b"):
        config.load(recipe, ["--config.projected.network.spread_group=8", f"--config.{option}={value}"])


@pytest.mark.parametrize(
    ("part", "options", "said"),
    [
        *(("encoder", {name: 0}, f"encoder {name} must be positive, but it is 0") for name in ENCODER),
        ("encoder", {"channel_max": -3}, "encoder channel_max must be positive, but it is -3"),
        ("encoder", {"channel_base": 7}, "channel_base must be at least 8, its finest level's side, but it is 7"),
        ("mixer", {"hidden": 0}, "mixer hidden must be positive"),
        ("skip", {"channel_max": -3}, "skip channel_max must be positive, but it is -3"),
        ("skip", {"channel_base": 7}, "channel_base must be at least 8, its finest level's side, but it is 7"),
        ("skip", {"widths": [8, 0, 6]}, "skip widths must be positive"),
        ("skip", {"blocks": -1}, "skip blocks must be at least 0"),
    ],
)
def test_in_the_options_of_an_inpainter(model, part, options, said):
    recipe = config.load("inpaint_cat64_stage1", [f"--config.init_from={model}"]).config
    changed = dataclasses.replace(recipe, trains=("encoder", "mixer", "skip"), options={part: options})
    with pytest.raises(InputError, match=said):
        inpainter_start(changed)


def test_in_the_options_of_an_encoder(model):
    recipe = config.load("encoder_cat64", [f"--config.init_from={model}"]).config
    with pytest.raises(InputError, match="channel_max must be positive, but it is -3"):
        encoder_start(dataclasses.replace(recipe, options={"channel_max": -3}))


def test_in_the_options_of_layer_encoders():
    generator = tiny_generator()
    for name, value in {"hidden": 0, "picture_max": -3, "picture_base": 7, "picture_blocks": -1}.items():
        with pytest.raises(InputError, match=name):
            layer_encoders(generator, 8, {name: value})


@pytest.mark.parametrize("batch", [3, 6, 8, 9, 12])
def test_the_groups_of_heads_are_those_of_spread(batch):
    def compare():
        images = jax.ShapeDtypeStruct((batch, 2, 2, 3), "float32")
        jax.eval_shape(lambda x: Spread(6).init(jax.random.key(0), x, True), images)

    def load():
        config.load("gan_cat64", [f"--config.batch_size={batch}", "--config.projected.network.spread_group=6"])

    if batch in (3, 6, 12):
        compare()
        load()
        return
    with pytest.raises(ValueError, match=f"but it holds {batch} pictures"):
        compare()
    with pytest.raises(InputError, match=f"spread_group 6, but it is {batch}"):
        load()
