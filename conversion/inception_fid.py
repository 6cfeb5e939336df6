"""Inception-v3 of the Fréchet inception distance, as pytorch-fid and torch-fidelity keep it (pt_inception-2015-12-05).

TensorFlow's frozen graph, brought over to torchvision's names. torchvision's own Inception-v3 has the same names but is
another network, with other weights: distances through it cannot be compared with anyone's FID.
"""

from typing import Any

from conversion.families import Converted
from conversion.rules import CONV, DENSE, SAME, Rule, Table, bring
from conversion.state_dicts import Tensors, counters, dropped_counters, is_state_dict, picture_shapes, shape_of
from ganinv_jax.core.configs import check
from ganinv_jax.models.features.inception import Inception, InceptionConfig

NAME = "inception-fid"
TITLE = "Inception-v3 of pytorch-fid"

_FIRST, _LAST = "Conv2d_1a_3x3.conv.weight", "fc.weight"
_TRANSFORMS = {4: CONV, 2: DENSE, 1: SAME}  # by axes


def recognise(content: Any) -> bool:
    """Whether a file's content is a state dict of Inception-v3."""
    return is_state_dict(content) and _FIRST in content


def convert(content: Tensors, raw: bool = False) -> Converted:
    """The network as the part `features`. Raises InputError where it is incomplete or torchvision's own."""
    auxiliary = any(name.startswith("AuxLogits.") for name in content)
    check(
        not auxiliary and shape_of(content, _LAST, 2, "inception")[0] != 1000,
        "Inception-v3 must be the one of FID, with 1008 classes (pt_inception-2015-12-05-6726825d.pth), but this is "
        "torchvision's, with 1000.",
    )
    official = InceptionConfig()
    share = shape_of(content, _FIRST, 4, "inception")[0] / official.scaled(32)
    config = InceptionConfig(share, shape_of(content, _LAST, 2, "inception")[0])
    variables = bring(_table(config), content, "inception")
    return Converted(NAME, TITLE, {"features": config}, {"features": variables}, dropped_counters(content))


def _table(config: InceptionConfig) -> Table:
    """Our network has the file's names: params/Mixed_5b.branch1x1/bn/weight is Mixed_5b.branch1x1.bn.weight."""
    shapes = picture_shapes(Inception(config), config.size)
    rules = []
    for path, shape in shapes.items():
        _, *name = path.split("/")
        rules.append(Rule(".".join(name), path, _TRANSFORMS[len(shape)]))
    return Table(shapes, rules, dropped=counters(rules))
