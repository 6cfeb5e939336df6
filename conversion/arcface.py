"""ArcFace IR-SE-50 as InsightFace_Pytorch keeps it (model_ir_se50.pth): what pSp, e4e and HyperStyle tell faces by."""

import math
from typing import Any

from conversion.bodies import NORM, irse_rules
from conversion.families import Converted
from conversion.rules import SAME, Rule, Table, bring, expand, flattened
from conversion.state_dicts import Tensors, counters, dropped_counters, is_state_dict, picture_shapes, shape_of
from ganinv_jax.core.configs import check
from ganinv_jax.models.encoders.irse import STAGES, UNITS
from ganinv_jax.models.features.arcface import ArcFace, ArcFaceConfig

NAME = "arcface"
TITLE = "ArcFace IR-SE-50"

_FIRST, _LAST = "input_layer.0.weight", "output_layer.3.weight"


def recognise(content: Any) -> bool:
    """Whether a file's content is a state dict of an IR-SE network with its embedding."""
    return is_state_dict(content) and _FIRST in content and _LAST in content


def convert(content: Tensors, raw: bool = False) -> Converted:
    """The network as the part `features`. Raises InputError where anything is unknown, missing or malformed."""
    config = _config(content)
    variables = bring(_table(config), content, "arcface")
    return Converted(NAME, TITLE, {"features": config}, {"features": variables}, dropped_counters(content))


def _config(tensors: Tensors) -> ArcFaceConfig:
    last = [sum(UNITS[: i + 1]) - 1 for i in range(STAGES)]
    first, second, third, fourth = (shape_of(tensors, f"body.{n}.res_layer.1.weight", 4, "arcface")[0] for n in last)
    embedding, inputs = shape_of(tensors, _LAST, 2, "arcface")[0], tensors[_LAST].shape[1]
    side = math.isqrt(inputs // max(1, fourth))
    fits = side * side * fourth == inputs and side > 0
    check(fits, f"arcface.{_LAST} must read square maps of {fourth} channels, but reads {inputs} numbers.")
    return ArcFaceConfig((first, second, third, fourth), embedding, 2**STAGES * side)


def _table(config: ArcFaceConfig) -> Table:
    norms = [("output_layer.0", "output_norm"), ("output_layer.4", "embedding_norm")]
    rules = irse_rules("body") + expand(NORM, [{"source": source, "target": target} for source, target in norms])
    rules += [
        Rule(_LAST, "params/output/weight", flattened(config.size // 2**STAGES)),
        Rule("output_layer.3.bias", "params/output/bias", SAME),
    ]
    return Table(picture_shapes(ArcFace(config), config.size), rules, dropped=counters(rules))
