"""The card of a trained model folder."""

import json
import re

import numpy as np
from toy import ToyConfig, ToyTask

from ganinv_jax.training.card import POINTS, card


def _card(rows, **options):
    arrays = {"toy": {"w": np.zeros((2, 3)), "b": np.zeros(())}, "average": {"w": np.zeros(6)}}
    return card("fruit", ToyTask(ToyConfig(**options)), arrays, 1234, rows)


def test_tells_parts_options_and_cost():
    rows = [{"step": 1, "images": 8, "seconds": 5400.0, "img_per_s": 2.0, "loss": 0.5}]
    text = _card(rows, shape=(7,))
    assert text.startswith("# fruit\n")
    assert "1,234 pictures in batches of 8" in text and "1.5 hours" in text
    assert "| toy | 7 |" in text and "| average | 6 |" in text
    options = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    assert options["shape"] == [7] and options["optimizer"] == {"learning_rate": 0.05, "momentum": 0.9}


def test_shows_some_rows_the_first_and_the_last():
    rows = [{"step": i, "images": 8 * i, "seconds": i, "loss": 1 / i} for i in range(1, 101)]
    rows[0]["penalty"] = float("nan")
    table = [line for line in _card(rows).splitlines() if line.startswith("|")][4:]
    head, _, *shown = table
    assert head == "| images | loss | penalty |"
    assert len(shown) == POINTS
    assert shown[0] == "| 8 | 1 | nan |" and shown[-1] == "| 800 | 0.01 |  |"


def test_a_run_too_short_to_log_has_a_card():
    assert "No figures were logged." in _card([])
