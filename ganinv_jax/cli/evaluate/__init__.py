"""Compute figures that can be set beside published ones; `ganinv evaluate PROTOCOL --help` tells each protocol's.

All write report.json, report.md (a table), plots and, of pictures, sheet.png into DIR. Pictures are scored as the model
draws them, with nothing pasted, unless a column says 'composited'. A figure's name says through which network it was
computed: EfficientNet-Lite2, which no training looks through, and Lite0, which some does, or converted ones with
--networks. The same command goes on where it was stopped. --compare sets two reports side by side.
"""

import argparse
import dataclasses
import importlib
import time
from pathlib import Path
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.core.errors import InputError, StoppedError

PROTOCOLS = {
    "generation": "generated pictures against real ones",
    "inpainting": "completions of real pictures with holes",
    "inversion": "methods of inversion against each other",
    "editing": "what an edit changes and what it keeps",
    "recovery": "latents of small random generators, which can be found exactly: needs no pictures and no model",
    "ablation": "a method without one of its parts: trains the variants, then scores them",
}
TAKES_OVERRIDES = True  # of the recipes that an ablation trains


def add_arguments(parser: argparse.ArgumentParser) -> None:
    protocols = parser.add_subparsers(required=True, metavar="PROTOCOL", title="protocols")
    for name, text in PROTOCOLS.items():
        module = importlib.import_module(f"ganinv_jax.cli.evaluate.{name}")
        inner = protocols.add_parser(name, help=text, description=module.__doc__, allow_abbrev=False)
        inner.formatter_class = argparse.RawDescriptionHelpFormatter
        module.add_arguments(inner)
        if _on_pictures(module):
            _add_pictures(inner)
        inner.add_argument(
            "--compare", nargs=2, metavar=("A", "B"), help="set two reports of this protocol side by side"
        )
        common.add_out(inner)
        inner.set_defaults(protocol=module, name=name)


def run(args: argparse.Namespace) -> None:
    if args.overrides and args.name != "ablation":
        raise InputError(f"unrecognized arguments: {' '.join(args.overrides)}; `ganinv evaluate --help` lists them.")
    out = common.output_folder(args.out)
    job = None if args.compare else _open_job(args, out)
    report = _compared(args, out) if job is None else _evaluated(args, job)

    from ganinv_jax.evaluation.report import table

    print(table(report.columns))
    files = report.write(out)
    if job is not None:
        job.clear()
    print(f"Wrote {', '.join(files)} to {out}.")


def _on_pictures(protocol: Any) -> bool:
    """Whether a protocol, which is a module, needs pictures and a model."""
    return getattr(protocol, "ON_PICTURES", True)


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="PICTURES", help="real pictures: a folder, a zip or tfds:NAME/SPLIT")
    parser.add_argument(
        "--networks",
        default="efficientnet_lite2,efficientnet_lite0",
        metavar="LIST",
        help="what is looked through: names and folders of converted networks (default: %(default)s)",
    )
    common.add_model(parser)


def _open_job(args: argparse.Namespace, out: Path) -> Any:
    from ganinv_jax.cli.evaluate.job import Job, Work
    from ganinv_jax.core import devices

    devices.enable_compilation_cache()
    devices.keep_host_memory()
    return Job(args, out) if _on_pictures(args.protocol) else Work(out)


def _evaluated(args: argparse.Namespace, job: Any) -> Any:
    started = time.monotonic()
    try:
        report = args.protocol.run(args, job)
    except KeyboardInterrupt as error:
        raise StoppedError("Stopped; run the same command to go on.") from error
    return dataclasses.replace(report, seconds=time.monotonic() - started, notes=(*report.notes, *job.notes))


def _compared(args: argparse.Namespace, out: Path) -> Any:
    from ganinv_jax.evaluation.report import compare, read_report

    a, b = (read_report(path) for path in args.compare)
    command = f"evaluate {args.name}"
    for path, report in zip(args.compare, (a, b), strict=True):
        if report["command"] != command:
            raise InputError(f"{path} must be a report of '{command}', but it is one of '{report['command']}'.")
        if out.resolve() in (Path(path).expanduser().resolve(), Path(path).expanduser().resolve().parent):
            raise InputError(f"--out must be a folder of its own, but {out} holds a report to compare; name another.")
    return compare(a, b, tuple(args.compare))
