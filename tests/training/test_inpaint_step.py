"""The inpainting task on a tiny generator: what a step trains, what it leaves alone, and what stage 2 starts from."""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from ganinv_jax.core import folders
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask

sys.path.insert(0, str(Path(__file__).parents[1]))
from model_folders import save_tiny_model  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("model") / "model", inpainter=False)


def _task(folder, **changes) -> InpaintTask:
    options = {"init_from": str(folder), "batch_size": 2, "perceptual_size": 32, "show": {"count": 1}}
    return InpaintTask(from_dict(InpaintConfig, options | changes))


def _step(task: InpaintTask):
    start = task.init(jax.random.key(0))
    step = jax.jit(lambda s, b, f: task.step(s, b, jax.random.key(1), frozen=f, variant=task.variant(0)))
    return start, *step(start, next(iter(task.batches(0))), task.frozen)


def _moved(before, after) -> bool:
    return any(jax.tree.leaves(jax.tree.map(lambda a, b: bool(np.any(np.asarray(a) != b)), before, after)))


def test_stage_1_trains_encoder_and_mixer_and_stage_2_goes_on_from_its_folder(folder, tmp_path):
    first = _task(folder)
    start, state, metrics = _step(first)
    assert state.params.keys() == {"encoder", "mixer"} and "generator" in first.frozen["model"]
    assert _moved(start.params["encoder"], state.params["encoder"])
    assert all(np.isfinite(float(value)) for value in metrics.values())
    assert {"gate_true", "gate_other", "hole_mse_true", "hole_mse_other", "known_psnr"} <= metrics.keys()
    folders.save(tmp_path / "stage1", *first.export(state))

    second = _task(tmp_path / "stage1", trains=("skip",))
    assert set(second.init(jax.random.key(0)).params) == {"skip"}
    for part in ("encoder", "mixer"):
        assert not _moved(state.ema[part], second.frozen["model"][part])


def test_stage_2_without_stage_1_is_refused(folder):
    with pytest.raises(InputError, match="stage 1"):
        _task(folder, trains=("skip",))
