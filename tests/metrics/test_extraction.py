"""Features of streams of pictures against those of each picture alone."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jax.experimental import multihost_utils
from small_features import formula

from ganinv_jax.metrics import extraction
from ganinv_jax.metrics.extraction import batch_size, extract, extract_batches, gather, own_share
from ganinv_jax.metrics.networks import Extractor

RNG = np.random.default_rng(0)
FEATURES, OTHER = formula(), formula("efficientnet_other", seed=1)
EXTRACTORS = (Extractor(FEATURES, "head"), Extractor(OTHER, "head", "torchfidelity"))
PICTURES = RNG.integers(0, 256, (11, 32, 32, 3), np.uint8)


def alone(picture, features=FEATURES):
    """By the formula, of a picture that has the network's size."""
    mean = (picture.astype(np.float64) / 127.5 - 1).mean(axis=(0, 1))
    return mean @ np.asarray(features.variables["colours"]) + 0.5


@pytest.mark.parametrize("at_a_time", [1, 4, 11, 64])
def test_rows_are_those_of_each_picture_for_any_batch(at_a_time):
    reports = []
    found = extract((x for x in PICTURES), EXTRACTORS, ("logits",), at_a_time, reports.append)
    for extractor in EXTRACTORS:
        seen = found[extractor.name]
        expected = np.stack([alone(picture, extractor.features) for picture in PICTURES])
        np.testing.assert_allclose(seen["head"], expected, atol=1e-5)
        np.testing.assert_allclose(seen["logits"], expected @ extractor.features.variables["classes"], atol=1e-5)
    assert reports == [*range(at_a_time, 11, at_a_time), 11]


def test_a_range_gives_the_rows_that_the_whole_gives():
    whole = extract(PICTURES, EXTRACTORS, at_a_time=4)
    for start in (4, 8):
        part = extract(PICTURES[start:], EXTRACTORS, at_a_time=4)
        for name, seen in part.items():
            np.testing.assert_array_equal(seen["head"], whole[name]["head"][start:])


def test_batches_are_multiples_of_the_devices(monkeypatch):
    assert (batch_size(), batch_size(5)) == (8, 5)
    monkeypatch.setattr(extraction.jax, "local_device_count", lambda: 4)
    assert (batch_size(), batch_size(5), batch_size(8)) == (32, 8, 8)


def test_pictures_of_several_sizes_stay_in_order():
    mixed = [PICTURES[0], PICTURES[1].repeat(2, axis=1), PICTURES[2].repeat(3, axis=0), PICTURES[3]]
    found = extract(mixed, EXTRACTORS[:1])["efficientnet_formula"]["head"]
    np.testing.assert_allclose(found, [alone(picture) for picture in PICTURES[:4]], atol=2e-2)  # edges weigh otherwise
    np.testing.assert_allclose(found[[0, 3]], [alone(PICTURES[0]), alone(PICTURES[3])], atol=1e-5)


def test_no_more_than_two_batches_are_taken_ahead():
    taken = []
    stream = extract_batches((taken.append(i) or x for i, x in enumerate(PICTURES)), EXTRACTORS[:1], at_a_time=2)
    assert len(next(stream)["efficientnet_formula"]["head"]) == 2 and len(taken) == 4


def test_no_pictures():
    assert extract([], EXTRACTORS[:1], ("logits",))["efficientnet_formula"]["logits"].shape == (0, 3)


def test_several_devices_give_the_same_rows(tmp_path):
    whole = extract(PICTURES, EXTRACTORS)
    np.save(tmp_path / "pictures.npy", PICTURES)
    program = (
        "import sys, numpy as np; from test_extraction import EXTRACTORS, extract\n"
        f"pictures = np.load({str(tmp_path / 'pictures.npy')!r})\n"
        "found = extract(pictures, EXTRACTORS, at_a_time=3)\n"
        f"np.savez({str(tmp_path / 'found.npz')!r}, **{{name: seen['head'] for name, seen in found.items()}})\n"
    )
    here = Path(__file__).parent
    environment = os.environ | {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4",
        "PYTHONPATH": f"{here}:{here.parent}:{here.parents[1]}",
    }
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=tmp_path)
    with np.load(tmp_path / "found.npz") as found:
        for name, seen in whole.items():
            np.testing.assert_allclose(found[name], seen["head"], atol=1e-6)


def test_hosts_share_the_work_and_gather_the_rows(monkeypatch):
    """Three of them, played one after the other: what each sends is what all are given."""
    rows, sent = RNG.standard_normal((11, 4)), {}
    shares = []
    for process in range(3):
        monkeypatch.setattr(extraction.jax, "process_index", lambda process=process: process)
        monkeypatch.setattr(extraction.jax, "process_count", lambda: 3)
        shares.append(own_share(len(rows)))
    assert [i for share in shares for i in share] == list(range(11))

    def allgather(value):
        call = sent.setdefault(value.dtype.name, [])
        call.append(value)
        if value.dtype == np.int32:
            return np.array([[len(share)] for share in shares])
        size = max(len(share) for share in shares)
        padded = [np.concatenate([rows[s], np.zeros((size - len(s), 4))]) for s in (np.array(x) for x in shares)]
        return np.stack([np.frombuffer(part.tobytes(), np.uint8) for part in padded])

    monkeypatch.setattr(multihost_utils, "process_allgather", allgather)
    for share in shares:
        np.testing.assert_array_equal(gather(rows[share.start : share.stop]), rows)
    for part, share in zip(sent["uint8"], shares, strict=True):
        np.testing.assert_array_equal(np.frombuffer(part.tobytes()).reshape(-1, 4)[: len(share)], rows[np.array(share)])
