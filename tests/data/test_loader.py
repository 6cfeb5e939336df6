import re
import threading

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.images import fit_hole, fit_square
from ganinv_jax.data import loader
from ganinv_jax.data.loader import Loader


class Coloured:
    """Picture i says its number in every pixel, and its left half is darker: order, label, mask and mirror all show."""

    def __init__(self, count, has_masks=False):
        self.c_dim, self.has_masks, self.count, self.reads, self.lock = 2, has_masks, count, [], threading.Lock()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        with self.lock:
            self.reads.append(index)
        image = np.full((8, 8, 3), index, np.uint8)
        image[:, 4:, 2] = 255
        example = {"image": image, "name": str(index), "label": np.float32([index, -index])}
        return example | {"mask": image[..., 2] == 255} if self.has_masks else example


def take(loader, count):
    return [next(loader) for _ in range(count)]


def numbers(batches):
    return np.concatenate([batch["image"][:, 0, 0, 0] for batch in batches])


def flipped(batches):
    return np.concatenate([batch["image"][:, 0, 0, 2] == 255 for batch in batches])


def same(left, right):
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


def test_every_epoch_shows_every_picture_once_in_a_new_order():
    order = numbers(take(Loader(Coloured(10), 4, 8), 15)).reshape(6, 10)  # Batches run over the ends of epochs.
    assert (np.sort(order, 1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in order}) == 6
    assert tuple(order[0]) != tuple(range(10))


def test_batches_have_the_documented_shapes():
    batch = next(Loader(Coloured(3, has_masks=True), 4, 16))
    assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
        "image": ((4, 16, 16, 3), np.uint8),
        "label": ((4, 2), np.float32),
        "mask": ((4, 16, 16, 1), bool),
    }


def test_same_seed_same_batches_other_seed_others():
    one, again, other = (take(Loader(Coloured(50), 4, 8, seed=seed, mirror=True), 12) for seed in (3, 3, 4))
    same(one, again)
    assert (numbers(one) != numbers(other)).any()


def test_a_thread_a_core_that_the_process_may_use(monkeypatch):
    for allowed, threads in ((1, 1), (12, 12), (128, 64)):
        monkeypatch.setattr(loader.os, "sched_getaffinity", lambda process, n=allowed: set(range(n)), raising=False)
        assert loader.default_threads() == threads
    monkeypatch.delattr(loader.os, "sched_getaffinity")
    monkeypatch.setattr(loader.os, "cpu_count", lambda: 3)
    assert loader.default_threads() == 3


def test_threads_and_cache_change_nothing():
    plain = take(Loader(Coloured(20), 4, 8, mirror=True, threads=1, cache_bytes=0), 20)
    same(plain, take(Loader(Coloured(20), 4, 8, mirror=True, threads=7), 20))


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_resumed_is_uninterrupted(stop):
    def fresh(**options):
        return Loader(Coloured(10), 4, 8, seed=1, mirror=True, **options)

    whole = take(fresh(), 14)
    first = fresh()
    take(first, stop)
    assert first.state() == {"step": stop}
    same(take(fresh(start_step=stop), 14 - stop), whole[stop:])
    resumed = fresh()
    take(resumed, 3)
    resumed.restore(first.state())
    same(take(resumed, 14 - stop), whole[stop:])
    assert resumed.state() == {"step": 14}


@pytest.mark.parametrize("processes", [2, 4])
def test_the_processes_batches_put_together_are_the_single_batch(processes):
    def parts(index, count):
        return take(Loader(Coloured(10, True), 8, 8, 5, True, index, count, start_step=2), 6)

    whole = parts(0, 1)
    shards = [parts(index, processes) for index in range(processes)]
    steps = zip(*shards, strict=True)
    same([{key: np.concatenate([part[key] for part in step]) for key in step[0]} for step in steps], whole)


def test_a_process_reads_only_its_own_pictures():
    source = Coloured(64)
    take(Loader(source, 8, 8, process_index=1, process_count=2, threads=1, cache_bytes=0), 1)
    batch_numbers = numbers(take(Loader(Coloured(64), 8, 8), 1))
    assert source.reads[:4] == batch_numbers[4:].tolist()


def test_mirror_flips_about_half_anew_each_time_and_takes_mask_along():
    batches = take(Loader(Coloured(10, has_masks=True), 10, 8, mirror=True), 40)
    flips = flipped(batches).reshape(40, 10)
    assert 0.4 < flips.mean() < 0.6
    by_picture = np.take_along_axis(flips, np.argsort(numbers(batches).reshape(40, 10), 1), 1)
    assert (by_picture.any(0) & ~by_picture.all(0)).all()
    for batch in batches:
        np.testing.assert_array_equal(batch["mask"][..., 0], batch["image"][..., 2] == 255)
        np.testing.assert_array_equal(batch["label"][:, 0], batch["image"][:, 0, 0, 0])
    assert not flipped(take(Loader(Coloured(10), 10, 8), 5)).any()


def test_pictures_are_fitted():
    class One:
        c_dim, has_masks = 0, True
        image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
        mask = image[..., 0] > 250

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return {"image": self.image, "name": "one", "mask": self.mask}

    batch = next(Loader(One(), 2, 8))
    assert batch.keys() == {"image", "mask"}
    np.testing.assert_array_equal(batch["image"], np.stack([fit_square(One.image, 8)] * 2))
    np.testing.assert_array_equal(batch["mask"][..., 0], np.stack([fit_hole(One.mask, 8)] * 2))


def test_small_data_is_decoded_once_and_large_data_anew():
    source = Coloured(12)
    take(Loader(source, 4, 8, threads=1), 12)
    assert sorted(source.reads) == list(range(12))
    source = Coloured(12)
    take(Loader(source, 4, 8, threads=1, cache_bytes=12 * 8 * 8 * 3 - 1), 12)
    assert len(source.reads) >= 48


def test_changing_a_batch_does_not_change_the_next_epoch():
    loader = Loader(Coloured(4), 4, 8)
    next(loader)["image"][:] = 77
    assert sorted(numbers(take(loader, 1))) == [0, 1, 2, 3]


def test_a_broken_picture_comes_up_as_its_own_error():
    class Broken(Coloured):
        def __getitem__(self, index):
            raise InputError(f"{index}.png must be a whole picture file.")

    with pytest.raises(InputError) as caught:
        next(Loader(Broken(4), 2, 8))
    assert re.fullmatch(r"\d\.png must be a whole picture file\.", str(caught.value))


def test_options_that_do_not_fit_are_sentences():
    with pytest.raises(InputError, match="multiple of the 3 processes"):
        Loader(Coloured(4), 4, 8, process_count=3)
    with pytest.raises(InputError, match="one of 2"):
        Loader(Coloured(4), 4, 8, process_index=2, process_count=2)
    with pytest.raises(InputError, match="seed"):
        Loader(Coloured(4), 4, 8, seed=-1)


def test_batches_of_one():
    assert numbers(take(Loader(Coloured(3), 1, 8), 3)).shape == (3,)
