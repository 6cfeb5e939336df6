"""Checkpoints of pSp, e4e and ReStyle: an encoder, and rosinality's generator as its decoder."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from conversion import rosinality
from conversion.bodies import NORM, irse_rules, resnet_rules
from conversion.families import Converted
from conversion.rosinality import AVERAGE
from conversion.rules import CONV, DENSE, SAME, Rule, Table, bring, expand, flattened, variable_shapes
from conversion.state_dicts import counters, dropped_counters, shape_of, tensors_of
from ganinv_jax.core.configs import from_dict
from ganinv_jax.core.errors import InputError
from ganinv_jax.models.encoders import PspConfig, PspEncoder
from ganinv_jax.models.encoders.psp import POOLED
from ganinv_jax.models.stylegan2 import GeneratorConfig

NAME = "psp"
TITLE = "pSp, e4e or ReStyle checkpoint"

# opts.encoder_type: the body, the heads, and whether rows are offsets to row 0.
_TYPES = {
    "GradualStyleEncoder": ("irse50", "pyramid", False),
    "Encoder4Editing": ("irse50", "pyramid", True),
    "BackboneEncoderUsingLastLayerIntoW": ("irse50", "w", False),
    "SingleStyleCodeEncoder": ("irse50", "w", False),  # e4e's name of the same
    "BackboneEncoderUsingLastLayerIntoWPlus": ("irse50", "w_plus", False),
    "BackboneEncoder": ("irse50", "coarse", False),
    "ProgressiveBackboneEncoder": ("irse50", "coarse", True),
    "ResNetGradualStyleEncoder": ("resnet34", "pyramid", False),
    "ResNetBackboneEncoder": ("resnet34", "coarse", False),
    "ResNetProgressiveBackboneEncoder": ("resnet34", "coarse", True),
}
_PASSES = 5  # of ReStyle, where the options do not say
_MOST_PASSES = 100
# The first tensor of each body, and those that tell the widths of its stages.
_BODIES = {
    "irse50": ("input_layer.0.weight", [f"body.{n}.res_layer.1.weight" for n in (0, 3, 7, 21)], irse_rules),
    "resnet34": ("conv1.weight", [f"body.{n}.conv1.weight" for n in (0, 3, 7, 13)], resnet_rules),
}
_STYLE = (
    ("styles.{i}.convs.{even}.weight", "params/style{i}/conv{j}/weight", CONV),
    ("styles.{i}.convs.{even}.bias", "params/style{i}/conv{j}/bias", SAME),
    ("styles.{i}.linear.weight", "params/style{i}/linear/weight", DENSE),
    ("styles.{i}.linear.bias", "params/style{i}/linear/bias", SAME),
)
_HEADS = (
    (AVERAGE, "buffers/latent_avg", SAME),
    ("latlayer1.weight", "params/lateral1/weight", CONV),
    ("latlayer1.bias", "params/lateral1/bias", SAME),
    ("latlayer2.weight", "params/lateral2/weight", CONV),
    ("latlayer2.bias", "params/lateral2/bias", SAME),
    ("output_layer_2.3.weight", "params/hidden/weight", flattened(POOLED)),
    ("output_layer_2.3.bias", "params/hidden/bias", SAME),
    ("linear.weight", "params/linear/weight", DENSE),
    ("linear.bias", "params/linear/bias", SAME),
)
_DROPPED = {
    "opts": "the options of its training; those that matter are in the encoder's config",
    "global_step": "a counter of training steps",
    "best_val_loss": "a figure of its training",
    "optimizer": "an optimiser's state",
    "discriminator_state_dict": "judges codes, in training only",
    "discriminator_optimizer_state_dict": "an optimiser's state",
}


def recognise(content: Any) -> bool:
    """Whether a file's content is a dictionary with a state_dict whose decoder is rosinality's generator."""
    tensors = content.get("state_dict") if isinstance(content, dict) else None
    marks = ("decoder.style.", "decoder.to_rgb1.")
    return isinstance(tensors, dict) and any(str(name).startswith(marks) for name in tensors)


def convert(content: Mapping[str, Any], raw: bool = False) -> Converted:
    """The decoder as `generator`, the encoder as `encoder`; there is no generator without averaging to ask for.

    Raises InputError where anything is unknown or incomplete.
    """
    encoder, decoder = _parts(tensors_of(content["state_dict"], "state_dict"))
    options, average = _options(content), _average(content.get(AVERAGE))
    mean = None if average is None or np.any(average != average[:1]) else average[0]
    generator, variables, made = rosinality.convert_generator(decoder, mean, "decoder")
    converted = Converted(NAME, TITLE, {"generator": generator}, {"generator": variables})
    converted.made = {f"generator: {name}": how for name, how in made.items()}
    config = _encoder_config(encoder, options, generator, average is not None)
    if config.from_average:
        if average is None:
            average = variables["buffers"]["mapping"]["w_avg"][None]
            converted.made[f"encoder: {AVERAGE}"] = "the generator's mean w, as the authors' code does"
        if len(average) > config.average_rows:
            converted.dropped[f"{AVERAGE}[1:]"] = "this encoder gives one style, which starts from row 0"
        encoder = rosinality.with_average(encoder, _starts(average, config), "encoder")
    elif average is not None and mean is None:
        converted.dropped[AVERAGE] = "this encoder's codes do not start from it"
    converted.configs["encoder"] = config
    converted.variables["encoder"] = bring(encoder_table(config), encoder, "encoder")
    converted.dropped |= dropped_counters(encoder, "encoder.")
    for key in content.keys() - {"state_dict", AVERAGE}:
        converted.dropped[str(key)] = _DROPPED.get(key, "not a part of the networks")
    return converted


def encoder_table(config: PspConfig) -> Table:
    """Where each tensor of an encoder belongs; `latent_avg` among them, where the codes start from it."""
    most = config.halvings + 2
    styles = [{"i": i, "j": j, "even": 2 * j} for i in range(config.num_ws) for j in range(most)]
    norm = expand(NORM, [{"source": "output_layer_2.0", "target": "norm"}])
    rules: list[Rule] = [*_BODIES[config.body][2](), *norm, *expand(_STYLE, styles), *expand(_HEADS, [{}])]
    return Table(_encoder_shapes(config), rules, dropped=counters(rules))


@functools.lru_cache
def _encoder_shapes(config: PspConfig) -> dict[str, tuple[int, ...]]:
    seen = jax.ShapeDtypeStruct((1, *config.input_size, config.seen_channels), np.float32)
    return variable_shapes(PspEncoder(config), seen)


def _parts(tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The tensors of encoder and decoder by their names inside of them."""
    parts: dict[str, dict[str, np.ndarray]] = {"encoder": {}, "decoder": {}}
    for name, tensor in tensors.items():
        part, _, inner = name.partition(".")
        if part not in parts:
            raise InputError(f"Every tensor of state_dict must be of its encoder or decoder, but {name!r} is not.")
        parts[part][inner] = tensor
    if not parts["encoder"]:
        raise InputError("The checkpoint's state_dict must hold an encoder, but it holds a decoder alone.")
    return parts["encoder"], parts["decoder"]


def _options(content: Mapping[str, Any]) -> dict[str, Any]:
    options = content.get("opts")
    if not isinstance(options, dict) or str(options.get("encoder_type")) not in _TYPES:
        given = options.get("encoder_type") if isinstance(options, dict) else None
        raise InputError(
            f"The checkpoint's opts must give an encoder_type of {', '.join(_TYPES)}, but it gives {str(given)[:80]!r}."
        )
    return options


def _average(value: Any) -> np.ndarray | None:
    """The stored average w as rows [1 or num_ws, w_dim], or None where there is none."""
    if value is None:
        return None
    if not isinstance(value, np.ndarray) or value.ndim not in (1, 2) or 0 in value.shape:
        shape = list(value.shape) if isinstance(value, np.ndarray) else type(value).__name__
        raise InputError(f"The checkpoint's {AVERAGE} must be a tensor of one row or more, but it is {shape}.")
    return value if value.ndim == 2 else value[None]


def _encoder_config(
    tensors: Mapping[str, np.ndarray], options: Mapping[str, Any], generator: GeneratorConfig, average: bool
) -> PspConfig:
    body, heads, deltas = _TYPES[str(options["encoder_type"])]
    first, stages, _ = _BODIES[body]
    channels = shape_of(tensors, first, 4, "encoder")[1]
    # BackboneEncoder and its kin are ReStyle's alone; the others it shares with pSp.
    again = heads == "coarse" or "n_iters_per_batch" in options
    if again and channels % 2:
        raise InputError(f"encoder must read pictures beside their reconstructions, but it reads {channels} channels.")
    return from_dict(
        PspConfig,
        {
            "num_ws": generator.num_ws,
            "w_dim": generator.w_dim,
            "body": body,
            "widths": [shape_of(tensors, name, 4, "encoder")[0] for name in stages],
            "input_channels": channels // 2 if again else channels,
            "input_size": (192, 256) if str(options.get("dataset_type")).startswith("cars") else (256, 256),
            "heads": heads,
            "deltas": deltas,
            # ReStyle does not ask its options.
            "from_average": again or options.get("start_from_latent_avg", average) is True,
            "passes": _passes(options.get("n_iters_per_batch")) if again else None,
        },
    )


def _passes(value: Any) -> int:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_PASSES
    return value if known else _PASSES


def _starts(average: np.ndarray, config: PspConfig) -> np.ndarray:
    """What the codes start from: a single style from row 0, as in e4e; a single row serves all styles, as in pSp."""
    rows = average[: config.average_rows]
    return np.repeat(rows, config.average_rows, axis=0) if len(rows) == 1 else average
