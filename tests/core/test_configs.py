"""Configs: dataclasses from and to plain dictionaries, and the sentence for whatever does not fit."""

import dataclasses
import json
from typing import Any, Literal

import pytest

from ganinv_jax.core.configs import check, from_dict, to_dict
from ganinv_jax.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class Inner:
    activation: Literal["lrelu", "relu"] = "lrelu"
    clamp: float | None = None
    taps: tuple[float, ...] = (1.0, 3.0)

    def __post_init__(self):
        check(self.clamp is None or self.clamp > 0, f"clamp must be positive, but got {self.clamp}.")


@dataclasses.dataclass(frozen=True)
class Outer:
    resolution: int
    rate: float = 0.5
    noise: bool = True
    name: str = "net"
    box: tuple[int, int] = (0, 0)
    inner: Inner = dataclasses.field(default_factory=Inner)
    more: tuple[Inner, ...] = ()
    extra: Inner | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    stop: int | Literal["never"] = "never"


FULL = Outer(
    resolution=64,
    rate=0.1,
    noise=False,
    name="x",
    box=(1, 2),
    inner=Inner("relu", 2.0, (1.0,)),
    more=(Inner(), Inner(clamp=1.0)),
    extra=Inner(),
    options={"a": (1, 2)},
    stop=3,
)


@pytest.mark.parametrize("config", [Outer(resolution=8), dataclasses.replace(FULL, options={"a": [1, 2]})])
def test_round_trip_through_json(config):
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


def test_to_dict_is_plain():
    values = to_dict(FULL)
    assert values["inner"] == {"activation": "relu", "clamp": 2.0, "taps": [1.0]}
    assert values["box"] == [1, 2] and values["options"] == {"a": [1, 2]}


def test_whole_numbers_become_floats():
    config = from_dict(Outer, {"resolution": 8, "rate": 1, "inner": {"clamp": 2, "taps": [1, 2]}})
    assert [type(value) for value in (config.rate, config.inner.clamp, *config.inner.taps)] == [float] * 4


def test_a_config_that_is_built_already_is_taken():
    assert from_dict(Outer, {"resolution": 8, "inner": Inner("relu")}).inner == Inner("relu")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"resolutoin": 8}, "Outer has no option 'resolutoin'; did you mean 'resolution'?"),
        ({"zzz": 8}, "known options: box, "),
        ({}, "Outer needs the option 'resolution'"),
        ({"resolution": "8"}, "Outer.resolution must be of type int, but got '8'"),
        ({"resolution": 8.0}, "Outer.resolution must be of type int"),
        ({"resolution": True}, "Outer.resolution must be of type int"),
        ({"resolution": 8, "rate": True}, "Outer.rate must be of type float"),
        ({"resolution": 8, "noise": 1}, "Outer.noise must be of type bool"),
        ({"resolution": 8, "name": None}, "Outer.name must be of type str"),
        ({"resolution": 8, "box": [1]}, "Outer.box must have 2 entries"),
        ({"resolution": 8, "box": [1, "a"]}, r"Outer.box\[1\] must be of type int"),
        ({"resolution": 8, "box": 3}, "Outer.box must be a list"),
        ({"resolution": 8, "inner": 3}, "Inner must be given as a table"),
        ({"resolution": 8, "inner": {"clam": 3}}, "did you mean 'clamp'"),
        ({"resolution": 8, "inner": {"activation": "gelu"}}, "must be one of 'lrelu', 'relu', but got 'gelu'"),
        ({"resolution": 8, "inner": {"clamp": "a"}}, "Inner.clamp must be of type float"),
        ({"resolution": 8, "inner": {"clamp": -1.0}}, "clamp must be positive, but got -1.0"),
        ({"resolution": 8, "more": [{}, {"taps": "ab"}]}, "Inner.taps must be a list"),
        ({"resolution": 8, "extra": {"tap": []}}, "did you mean 'taps'"),
        ({"resolution": 8, "options": []}, "Outer.options must be of type dict"),
        ({"resolution": 8, "stop": "later"}, "Outer.stop must be"),
        ([1], "Outer must be given as a table of options"),
    ],
)
def test_what_does_not_fit_is_said(values, said):
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        from_dict(Outer, values)
