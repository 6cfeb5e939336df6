"""Turn an official weight file into a model folder, without running anything that the file contains."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="NVIDIA's network.pkl of stylegan2-ada-pytorch or stylegan3")
    parser.add_argument("out", metavar="OUT", help="the model folder to write")
    parser.add_argument("--family", default="auto", help="the kind of file (default: auto, by its content)")
    parser.add_argument(
        "--dtype", choices=("fp32", "fp16", "bf16"), default="fp32", help="how weights are stored (default: fp32)"
    )


def run(args: argparse.Namespace) -> None:
    from conversion.convert import convert

    converted = convert(args.file, args.out, args.family, args.dtype)
    print(f"Wrote {args.out}: {', '.join(converted.configs)} of a {converted.title}.")
    for part, reason in sorted(converted.dropped.items()):
        print(f"Left out {part}: {reason}.")
