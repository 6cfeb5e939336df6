"""The rules engine: complete by construction, in both directions."""

import dataclasses

import numpy as np
import pytest

from conversion.rules import (
    CONV,
    DENSE,
    MAPS,
    PER_MAP,
    POINTWISE,
    SAME,
    SCALAR,
    Fixed,
    Rule,
    Table,
    batched,
    bring,
    expand,
    send,
)
from ganinv_jax.core.errors import InputError

LINES = (
    ("b{r}.conv.weight", "params/b{r}/conv/weight", CONV),
    ("b{r}.conv.bias", "params/b{r}/conv/bias", SAME),
    ("b4.const", "params/b4/const", MAPS),
    ("fc.weight", "params/fc/weight", DENSE),
)
SHAPES = {
    "params/b4/const": (4, 4, 5),
    "params/b8/conv/weight": (3, 3, 2, 5),
    "params/b8/conv/bias": (5,),
    "params/fc/weight": (6, 7),
}
FILTER = Fixed("b8.filter", np.full((2, 2), 0.25, np.float32), "the box filter")
TABLE = Table(SHAPES, expand(LINES, [{"r": 8}, {"r": 16}]), [FILTER])


@pytest.fixture
def tensors():
    normal = np.random.default_rng(0).standard_normal
    shapes = {"b4.const": (5, 4, 4), "b8.conv.weight": (5, 2, 3, 3), "b8.conv.bias": (5,), "fc.weight": (7, 6)}
    arrays = {name: normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return arrays | {"b8.filter": FILTER.value}


def test_layouts(tensors):
    params = bring(TABLE, tensors, "net")["params"]
    assert params["b8"]["conv"]["weight"][1, 2, 0, 3] == tensors["b8.conv.weight"][3, 0, 1, 2]
    assert params["b4"]["const"][1, 2, 3] == tensors["b4.const"][3, 1, 2]
    assert params["fc"]["weight"][2, 3] == tensors["fc.weight"][3, 2]
    assert all(leaf.flags.c_contiguous for leaf in (params["b8"]["conv"]["weight"], params["fc"]["weight"]))


@pytest.mark.parametrize(
    ("transform", "shape", "ours"),
    [
        (SAME, (2, 3), (2, 3)),
        (CONV, (5, 2, 3, 4), (3, 4, 2, 5)),
        (DENSE, (7, 6), (6, 7)),
        (MAPS, (5, 2, 3), (2, 3, 5)),
        (POINTWISE, (7, 6, 1, 1), (6, 7)),
        (PER_MAP, (5, 1, 1), (5,)),
        (SCALAR, (1,), ()),
        (batched(CONV), (1, 5, 2, 3, 4), (3, 4, 2, 5)),
        (batched(batched(SAME)), (1, 1, 4, 4), (4, 4)),
    ],
)
def test_every_transform_has_an_inverse(transform, shape, ours):
    tensor = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    brought = transform.bring(tensor)
    assert brought.shape == ours and np.array_equal(transform.send(brought), tensor)


def test_dropped_tensors_are_not_looked_at(tensors):
    table = dataclasses.replace(TABLE, dropped=frozenset({"b8.count", "b16.count"}))
    counted = tensors | {"b8.count": np.array(7)}
    assert bring(table, counted, "net").keys() == bring(TABLE, tensors, "net").keys()
    with pytest.raises(InputError, match="b8.count"):
        bring(TABLE, counted, "net")


def test_there_and_back_is_the_same_to_the_bit(tensors):
    back = send(TABLE, bring(TABLE, tensors, "net"))
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype and back[name].tobytes() == tensor.tobytes()


def test_lines_without_placeholders_count_once():
    assert [rule.source for rule in expand(LINES[2:], [{"r": 8}, {"r": 16}])] == ["b4.const", "fc.weight"]


def test_half_precision_becomes_single(tensors):
    tensors["b8.conv.bias"] = tensors["b8.conv.bias"].astype(np.float16)
    bias = bring(TABLE, tensors, "net")["params"]["b8"]["conv"]["bias"]
    assert bias.dtype == np.float32 and np.array_equal(bias, tensors["b8.conv.bias"])


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"b8.conv.wieght": np.ones(1, np.float32)}, ["'b8.conv.wieght'", "nearest", "'b8.conv.weight'"]),
        ({"fc.weight": None}, ["'fc.weight'", "lacks"]),
        ({"b8.filter": None}, ["'b8.filter'", "lacks"]),
        ({"fc.weight": None, "fc.w": np.ones((7, 6), np.float32)}, ["'fc.w'", "'fc.weight' is missing"]),
        ({"fc.weight": np.ones((6, 7), np.float32)}, ["net.fc.weight", "shape [7, 6]", "[6, 7]"]),
        ({"fc.weight": np.ones((7, 6), np.int64)}, ["net.fc.weight", "int64"]),
        ({"fc.weight": np.full((7, 6), np.nan, np.float32)}, ["'fc.weight'", "NaN"]),
        ({"b8.conv.bias": np.full(5, np.inf, np.float32)}, ["'b8.conv.bias'", "infinite"]),
        ({"b8.filter": np.eye(2, dtype=np.float32)}, ["net.b8.filter", "the box filter"]),
        ({"b8.filter": np.full(2, 0.25, np.float32)}, ["net.b8.filter", "the box filter"]),
    ],
)
def test_whatever_does_not_fit_is_named(tensors, change, messages):
    tensors = {name: tensor for name, tensor in (tensors | change).items() if tensor is not None}
    with pytest.raises(InputError) as caught:
        bring(TABLE, tensors, "net")
    assert all(message in str(caught.value) for message in messages), caught.value


def test_variables_that_do_not_fit_are_named(tensors):
    variables = bring(TABLE, tensors, "net")
    del variables["params"]["fc"]
    with pytest.raises(InputError, match="params/fc/weight"):
        send(TABLE, variables)


def test_a_variable_without_a_rule_is_a_fault_of_the_table(tensors):
    table = Table(SHAPES | {"params/extra": (1,)}, TABLE.rules, TABLE.fixed)
    with pytest.raises(AssertionError, match="params/extra"):
        bring(table, tensors, "net")
    twice = Table(SHAPES, [*TABLE.rules, Rule("other", "params/fc/weight", DENSE)], TABLE.fixed)
    with pytest.raises(AssertionError, match="params/fc/weight"):
        bring(twice, tensors, "net")
