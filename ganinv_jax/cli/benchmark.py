"""Measure speed: how long the work takes, how long compiling it takes, and what memory it needs.

Targets are compared within one run, in turn, so that ratios hold where the machine's speed drifts. With --against torch
the same networks do the same work in PyTorch: 'plain' as NVIDIA's code computes without its extensions, 'same' as this
package does; their outputs are compared before anything is timed. Times are medians of the repeats, with quartiles.
The target train takes options of its recipes as `ganinv train` does, such as --config.auto.resolution=32.
"""

import argparse
import functools
import os
from pathlib import Path

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError

TAKES_OVERRIDES = True
TARGETS = {
    "ops": "modulated_conv, upfirdn2d and bias_act in the network's shapes",
    "synthesis": "from z to pictures",
    "discriminator": "from pictures to logits",
    "gan-step": "the whole lazily regularised training iteration",
    "inpainting": "four completions of a photo",
    "inversion": "a step of the projector, batch 1 and 8",
    "loader": "the data loader alone",
    "startup": "a new process: import, load, first picture, warm `ganinv inpaint`",
    "train": "the steps of recipes, on 1, 2, 4, ... devices",
}
PRESETS = ("cat64", "ffhq256", "afhq512", "ffhq1024", "auto", "slim", "tiny")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    some = functools.partial(common.whole, least=1, most=1_000_000)
    listed = "; ".join(f"{name}: {text}" for name, text in TARGETS.items())
    parser.add_argument("targets", nargs="+", metavar="TARGET", help=listed)
    parser.add_argument("--preset", default="cat64", metavar="NAME", help=f"a network: {', '.join(PRESETS)}")
    parser.add_argument("--resolution", type=some, metavar="R", help="of the presets auto, slim and tiny")
    parser.add_argument("--dtype", choices=("fp32", "bf16", "fp16"), default="fp32")
    parser.add_argument("--batch", type=some, metavar="N", help="pictures at once (default: the target's own)")
    parser.add_argument(
        "--implementation", default="auto", metavar="LIST", help="of the fused ops, such as auto or lax,pallas"
    )
    parser.add_argument("--repeats", type=some, default=7, metavar="N", help="samples of each (default: 7)")
    parser.add_argument("--against", choices=("torch",), help="compare with PyTorch")
    parser.add_argument("--torch-compile", action="store_true", help="PyTorch through torch.compile, where it can")
    parser.add_argument("--channels-last", action="store_true", help="PyTorch's weights and features channels last")
    parser.add_argument("--nvidia-checkout", metavar="DIR", help="compare with stylegan2-ada-pytorch there, too")
    parser.add_argument("--recipe", default="gan_cat64", metavar="LIST", help="what the target train trains")
    parser.add_argument("--host-devices", type=some, metavar="N", help="split the CPU into N devices")
    parser.add_argument("--json", metavar="FILE", help="write the report there")


def run(args: argparse.Namespace) -> None:
    if args.json and Path(args.json).expanduser().is_dir():
        raise InputError(f"--json must name a file, but {args.json} is a folder; give a file's name.")
    if args.overrides and "train" not in args.targets:
        raise InputError(
            "Only the target train takes options that `ganinv benchmark --help` does not list, but got "
            f"{args.overrides[0]}."
        )
    if args.against:  # before JAX starts: else it would take most of a GPU's memory for itself
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if args.host_devices:
        split = f"--xla_force_host_platform_device_count={args.host_devices}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {split}"

    import json

    from ganinv_jax.benchmarks import bench, table
    from ganinv_jax.benchmarks.options import Options
    from ganinv_jax.core import devices
    from ganinv_jax.core.files import atomic_file

    devices.keep_host_memory()
    options = Options(
        preset=args.preset,
        resolution=args.resolution,
        dtype=args.dtype,
        batch=args.batch,
        implementations=tuple(args.implementation.split(",")),
        recipes=tuple(args.recipe.split(",")),
        overrides=tuple(args.overrides),
        repeats=args.repeats,
        against=args.against,
        nvidia=args.nvidia_checkout,
        torch_compile=args.torch_compile,
        channels_last=args.channels_last,
    )
    report = bench.run(args.targets, options, lambda case: print(table.case(case), "\n", flush=True))
    print(table.machine(report["machine"]))
    if args.json:
        with atomic_file(Path(args.json).expanduser()) as temporary:
            temporary.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        print(f"Wrote {args.json}.")
