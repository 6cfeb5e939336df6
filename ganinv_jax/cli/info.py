"""Say what a weight file or a model holds: its parts, their options, and how many numbers they have."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model folder, a bundled name or an official file")


def run(args: argparse.Namespace) -> None:
    from pathlib import Path

    print("\n".join(_of_file(args.model) if Path(args.model).expanduser().is_file() else _of_model(args.model)))


def _of_file(path: str) -> list[str]:
    from conversion.convert import inspect

    found = inspect(path)
    lines = [f"{path}: {found['family']}"]
    for part, content in found["parts"].items():
        lines += _part(part, content["config"], content["parameters"])
    lines += [f"left out: {name} ({reason})" for name, reason in sorted(found["dropped"].items())]
    return lines + [f"made: {name} ({how})" for name, how in sorted(found["made"].items())]


def _of_model(source: str) -> list[str]:
    import jax
    import numpy as np

    from ganinv_jax.pipelines.load import read

    config, arrays, name = read(source)
    lines = [f"{name}: model folder"]
    for part, tree in arrays.items():
        lines += _part(part, config.get(part, {}), sum(map(np.size, jax.tree.leaves(tree.get("params", tree)))))
    return lines


def _part(name: str, options: dict, parameters: int) -> list[str]:
    return ["", f"{name}: {parameters:,} parameters", *_options(options, "  ")]


def _options(options: dict, indent: str) -> list[str]:
    lines = []
    for key, value in options.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_options(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
