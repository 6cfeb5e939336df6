"""Pictures of a training: drawn a few at a time, and given whole where devices do not divide them."""

import jax
import numpy as np
import pytest
from PIL import Image

from ganinv_jax.core.devices import Whole
from ganinv_jax.training.options import DataConfig
from ganinv_jax.training.photos import a_few_at_a_time, photo_batches

RNG = np.random.RandomState(0)


@pytest.mark.parametrize("few", [1, 3, 7])
def test_drawn_a_few_at_a_time_as_at_once(few):
    rows, seen = RNG.standard_normal((7, 2)), []

    def draw(x, labels, photos):
        seen.append(len(x))
        assert labels is None
        return x + photos

    drawn = a_few_at_a_time(draw, rows, None, rows, few=few)
    np.testing.assert_array_equal(drawn, 2 * rows)
    assert max(seen) == few and sum(seen) == 7


def test_processes_give_all_of_what_the_devices_do_not_divide(tmp_path, monkeypatch):
    for i in range(6):
        Image.fromarray(RNG.randint(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / f"{i}.png")
    photos = DataConfig(str(tmp_path))
    alone = next(iter(photo_batches(photos, 4, 8, seed=0, start_step=3)))["image"]
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    for devices, given in ((2, alone[2:]), (4, alone[2:]), (8, Whole(alone))):
        monkeypatch.setattr(jax, "device_count", lambda devices=devices: devices)
        found = next(iter(photo_batches(photos, 4, 8, seed=0, start_step=3)))["image"]
        assert isinstance(found, Whole) == isinstance(given, Whole)
        np.testing.assert_array_equal(*(x.rows if isinstance(x, Whole) else x for x in (found, given)))
