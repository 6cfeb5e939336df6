"""The tables of the feature bodies that published encoders share; their targets lie below one path, such as 'body'."""

from conversion.rules import CONV, POINTWISE, SAME, Rule, expand
from ganinv_jax.models.encoders import irse, resnet

NORM = (
    ("{source}.weight", "params/{target}/weight", SAME),
    ("{source}.bias", "params/{target}/bias", SAME),
    ("{source}.running_mean", "buffers/{target}/running_mean", SAME),
    ("{source}.running_var", "buffers/{target}/running_var", SAME),
)
_IRSE = (
    ("input_layer.0.weight", "params/{body}/stem/conv/weight", CONV),
    ("input_layer.2.weight", "params/{body}/stem/act/weight", SAME),
    ("body.{n}.shortcut_layer.0.weight", "params/{body}/unit{n}/shortcut/weight", CONV),
    ("body.{n}.res_layer.1.weight", "params/{body}/unit{n}/conv0/weight", CONV),
    ("body.{n}.res_layer.2.weight", "params/{body}/unit{n}/act/weight", SAME),
    ("body.{n}.res_layer.3.weight", "params/{body}/unit{n}/conv1/weight", CONV),
    ("body.{n}.res_layer.5.fc1.weight", "params/{body}/unit{n}/se/squeeze/weight", POINTWISE),
    ("body.{n}.res_layer.5.fc2.weight", "params/{body}/unit{n}/se/excite/weight", POINTWISE),
)
_IRSE_NORMS = {
    "input_layer.1": "stem/norm",
    "body.{n}.shortcut_layer.1": "unit{n}/shortcut_norm",
    "body.{n}.res_layer.0": "unit{n}/norm0",
    "body.{n}.res_layer.4": "unit{n}/norm1",
}
_RESNET = (
    ("conv1.weight", "params/{body}/conv/weight", CONV),
    ("relu.weight", "params/{body}/act/weight", SAME),
    ("body.{n}.downsample.0.weight", "params/{body}/unit{n}/shortcut/weight", CONV),
    ("body.{n}.conv1.weight", "params/{body}/unit{n}/conv0/weight", CONV),
    ("body.{n}.conv2.weight", "params/{body}/unit{n}/conv1/weight", CONV),
)
_RESNET_NORMS = {
    "bn1": "norm",
    "body.{n}.downsample.1": "unit{n}/shortcut_norm",
    "body.{n}.bn1": "unit{n}/norm0",
    "body.{n}.bn2": "unit{n}/norm1",
}


def irse_rules(body: str = "body") -> list[Rule]:
    """IR-SE-50 (`models.encoders.IRBody`), as InsightFace_Pytorch and pSp name its tensors."""
    return _rules(_IRSE, _IRSE_NORMS, sum(irse.UNITS), body)


def resnet_rules(body: str = "body") -> list[Rule]:
    """ReStyle's ResNet-34 (`models.encoders.ResNetBody`)."""
    return _rules(_RESNET, _RESNET_NORMS, sum(resnet.UNITS), body)


def _rules(lines: tuple, norms: dict[str, str], units: int, body: str) -> list[Rule]:
    named = [
        {"source": source.format(n=n), "target": f"{body}/{target.format(n=n)}"}
        for source, target in norms.items()
        for n in range(units)
    ]
    return expand(lines, [{"n": n, "body": body} for n in range(units)]) + expand(NORM, named)
