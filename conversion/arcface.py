"""ArcFace IR-SE-50 as InsightFace_Pytorch keeps it (model_ir_se50.pth): what pSp, e4e and HyperStyle tell faces by."""

import math
from typing import Any

from conversion.families import Converted
from conversion.rules import CONV, SAME, Rule, Table, bring, expand, flattened
from conversion.state_dicts import Tensors, is_state_dict, variable_shapes, width, without_counters
from ganinv_jax.core.configs import check
from ganinv_jax.models.features.arcface import GROUPS, ArcFace, ArcFaceConfig

NAME = "arcface"
TITLE = "ArcFace IR-SE-50"

_FIRST, _LAST = "input_layer.0.weight", "output_layer.3.weight"
_WEIGHTS = (
    ("input_layer.0.weight", "params/input_conv/weight", CONV),
    ("input_layer.2.weight", "params/input_slope/weight", SAME),
    ("body.{n}.shortcut_layer.0.weight", "params/block{n}/shortcut_conv/weight", CONV),
    ("body.{n}.res_layer.1.weight", "params/block{n}/conv0/weight", CONV),
    ("body.{n}.res_layer.2.weight", "params/block{n}/slope/weight", SAME),
    ("body.{n}.res_layer.3.weight", "params/block{n}/conv1/weight", CONV),
    ("body.{n}.res_layer.5.fc1.weight", "params/block{n}/squeeze/weight", CONV),
    ("body.{n}.res_layer.5.fc2.weight", "params/block{n}/excite/weight", CONV),
    ("output_layer.3.bias", "params/output/bias", SAME),
)
# Normalisations: names in the file and in ours; each has the four tensors below.
_NORMS = {
    "input_layer.1": "input_norm",
    "body.{n}.shortcut_layer.1": "block{n}/shortcut_norm",
    "body.{n}.res_layer.0": "block{n}/norm0",
    "body.{n}.res_layer.4": "block{n}/norm1",
    "output_layer.0": "output_norm",
    "output_layer.4": "embedding_norm",
}
_STATISTICS = (("params", "weight"), ("params", "bias"), ("buffers", "running_mean"), ("buffers", "running_var"))


def recognise(content: Any) -> bool:
    """Whether a file's content is a state dict of an IR-SE network with its embedding."""
    return is_state_dict(content) and _FIRST in content and _LAST in content


def convert(content: Tensors, raw: bool = False) -> Converted:
    """The network as the part `features`. Raises InputError where anything is unknown, missing or malformed."""
    tensors, dropped = without_counters(content)
    config = _config(tensors)
    variables = bring(_table(config), tensors, "arcface")
    return Converted(NAME, TITLE, {"features": config}, {"features": variables}, dropped, {"features": "arcface"})


def _config(tensors: Tensors) -> ArcFaceConfig:
    last_blocks = [sum(GROUPS[: i + 1]) - 1 for i in range(len(GROUPS))]
    widths = tuple(width(tensors, f"body.{n}.res_layer.1.weight", 4, "arcface") for n in last_blocks)
    embedding, inputs = width(tensors, _LAST, 2, "arcface"), tensors[_LAST].shape[1]
    side = math.isqrt(inputs // max(1, widths[-1]))
    fits = side * side * widths[-1] == inputs and side > 0
    check(fits, f"arcface.{_LAST} must read square maps of {widths[-1]} channels, but reads {inputs} numbers.")
    return ArcFaceConfig(widths, embedding, 2 ** len(GROUPS) * side)


def _table(config: ArcFaceConfig) -> Table:
    norms = [
        (f"{source}.{leaf}", f"{collection}/{target}/{leaf}", SAME)
        for source, target in _NORMS.items()
        for collection, leaf in _STATISTICS
    ]
    rules = expand([*_WEIGHTS, *norms], [{"n": n} for n in range(sum(GROUPS))])
    rules.append(Rule(_LAST, "params/output/weight", flattened(config.size // 2 ** len(GROUPS))))
    return Table(variable_shapes(ArcFace(config), config.size), rules)
