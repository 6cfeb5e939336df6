"""Work kept on disk: computed once, read back the same, and of one plan only."""

import numpy as np
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.evaluation.pieces import Pieces, as_text, from_text

PLAN = {"model": "cat64", "num": 3, "classes": (1, 2)}


def test_a_piece_is_computed_once(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"rows": np.arange(6.0).reshape(2, 3), "about": as_text([{"name": "ä", "psnr": 1.5}])}

    first = Pieces(tmp_path / "progress", PLAN)
    assert not first.resumed
    first.within("a").get("000", compute)
    again = Pieces(tmp_path / "progress", PLAN)
    found = again.within("a").get("000", compute)
    assert again.resumed and len(calls) == 1
    np.testing.assert_array_equal(found["rows"], [[0, 1, 2], [3, 4, 5]])
    assert from_text(found["about"]) == [{"name": "ä", "psnr": 1.5}]
    again.within("b").get("000", compute)
    assert len(calls) == 2
    again.clear()
    assert not (tmp_path / "progress").exists()


def test_another_plan(tmp_path):
    Pieces(tmp_path, PLAN).within("a").get("000", lambda: {"x": np.zeros(1)})
    with pytest.raises(InputError, match=r"num was 3, and is 4 now.*remove the folder"):
        Pieces(tmp_path, PLAN | {"num": 4})


def test_what_fails_is_not_kept(tmp_path):
    pieces = Pieces(tmp_path, PLAN)

    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pieces.get("000", fail)
    assert not list(tmp_path.iterdir())
    Pieces(tmp_path, PLAN | {"num": 4})  # nothing is there that belongs to the first plan
