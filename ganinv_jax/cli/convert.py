"""Turn an official weight file into a model folder without running anything in it, or a model into NVIDIA's form."""

import argparse

from ganinv_jax.core.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an official weight file; with --to, any model")
    parser.add_argument("out", metavar="OUT", help="the model folder to write; with --to, the file")
    parser.add_argument("--family", default="auto", help="the kind of file (default: auto, by its content)")
    parser.add_argument("--dtype", choices=("fp32", "fp16", "bf16"), help="how weights are stored (default: fp32)")
    parser.add_argument("--raw", action="store_true", help="keep the generator as trained too, to train it further")
    parser.add_argument(
        "--to", choices=("nvidia",), help="write a torch file of state dicts with NVIDIA's names instead"
    )


def run(args: argparse.Namespace) -> None:
    if args.to is None:
        _convert(args)
    else:
        _export(args)


def _convert(args: argparse.Namespace) -> None:
    from conversion.convert import convert

    converted = convert(args.file, args.out, args.family, args.dtype or "fp32", args.raw)
    print(f"Wrote {args.out}: {', '.join(converted.configs)} of a {converted.title}.")
    for part, reason in sorted(converted.dropped.items()):
        print(f"Left out {part}: {reason}.")
    for part, how in sorted(converted.made.items()):
        print(f"Made {part}, which the file lacks: {how}.")


def _export(args: argparse.Namespace) -> None:
    from conversion.convert import export

    if args.family != "auto" or args.dtype is not None or args.raw:
        raise InputError("--family, --dtype and --raw are for official files; with --to, leave them out.")
    print(f"Wrote {args.out}: {', '.join(export(args.file, args.out, args.to))}.")
