"""Whole steps of training are lowered for GPUs that are not there, with their sharding."""

import jax
import numpy as np
import pytest
import tiny_tasks
from jax.sharding import AbstractDevice, AbstractMesh, AxisType, NamedSharding, PartitionSpec
from model_folders import save_tiny_model

from ganinv_jax.core.devices import batch_sharding, target
from ganinv_jax.training import config, loop

FOUR = AbstractMesh((4,), ("data",), (AxisType.Auto,), abstract_device=AbstractDevice("NVIDIA H200", None, "gpu"))
DEVICES = "mhlo.num_partitions = 4"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    pictures = tiny_tasks.save_pictures(folder / "pictures")
    model = save_tiny_model(folder / "model", inpainter=False)
    return {name: model if name in ("inpainter", "encoder") else pictures for name in tiny_tasks.TASKS}


@pytest.mark.parametrize("compute", ["fp32", "bf16"])
@pytest.mark.parametrize("name", tiny_tasks.TASKS)
def test_tiny_steps_lower_for_gpus(sources, name, compute):
    text = lower(tiny_tasks.make(name, sources[name], compute=compute))
    assert DEVICES in text
    assert ("bf16" in text) == (compute == "bf16")


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe", ["gan_cat64", "gan_ffhq256", "gan_ffhq1024", "gan_afhq512", "inpaint_cat64_stage1", "encoder_cat64"]
)
def test_steps_of_recipes_lower_for_gpus(sources, recipe):
    given = {"init_from": "cat64", "show.count": 4} if "gan" not in recipe else {}
    parts = config.read(recipe)
    given |= {f"{part}.source": str(sources["gan"]) for part in ("data", "photos", "show") if parts.get(part)}
    task = config.load(recipe, [f"config.{name}={value}" for name, value in given.items()]).make()
    text = lower(task)
    assert DEVICES in text
    assert ("bf16" in text) == (task.config.compute == "bf16")


def lower(task) -> str:
    def whole(x):
        return jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=NamedSharding(FOUR, PartitionSpec()))

    def part(x):
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=batch_sharding(len(x), FOUR))

    def step_fn(state, batch, frozen, key):
        assert target().platform == "gpu"
        return task.step(state, batch, key, frozen=frozen, variant=task.variant(0))

    key = loop.keys(task)[0]
    state, frozen, key = jax.tree.map(whole, (jax.eval_shape(task.init, key), task.frozen, key))
    batch = jax.tree.map(part, next(task.batches(0)))
    with jax.sharding.use_abstract_mesh(FOUR):
        traced = jax.jit(step_fn).trace(state, batch, frozen, key)
        return traced.lower(lowering_platforms=("cuda",)).as_text()
