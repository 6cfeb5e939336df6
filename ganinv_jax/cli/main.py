"""`ganinv VERB …`: finds the verb's module, runs it, and turns errors into sentences and exit codes.

A verb is a module `ganinv_jax.cli.VERB` with `add_arguments(parser)` and `run(args)`; it imports JAX inside `run`, so
that `--help` answers at once. One that sets `TAKES_OVERRIDES` finds arguments that it did not declare in
`args.overrides`, a list of strings.
"""

import argparse
import difflib
import importlib
import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from ganinv_jax.core.errors import GaninvError, InputError

VERBS = {
    "inpaint": "fill a hole in a photo in several ways",
    "generate": "draw pictures from seeds",
    "invert": "find the latent code of a photo",
    "edit": "change what was inpainted or inverted along a direction",
    "directions": "find directions to edit along",
    "convert": "turn official weight files into a model folder, and back",
    "info": "say what a weight file or a model folder holds",
    "data": "look through pictures to train on, and prepare them for TFDS",
    "train": "train a model from a recipe",
    "evaluate": "compute figures of merit",
    "benchmark": "measure speed",
    "demo": "open the demo in a browser",
}
DONE, FAULT, INTERRUPTED = 0, 1, 130  # and those of `core.errors`


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 a fault of ours, 2 bad input, 3 stopped and resumable."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    logging.basicConfig(format="%(levelname)s: %(message)s")  # else the first library to log decides
    try:
        _dispatch([argument for argument in arguments if argument != "--debug"])
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED  # As shells count a process that SIGINT ended.
    except BrokenPipeError:  # The reader, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit would fail once more
        return DONE
    except Exception as raised:
        error = _explained(raised)
        expected = isinstance(error, GaninvError)
        if debug or not expected:
            traceback.print_exc()
        told = error if expected else f"internal error: {type(error).__name__}: {error}"
        print(f"ganinv: {told}", file=sys.stderr)
        return error.exit_code if isinstance(error, GaninvError) else FAULT


def _explained(error: Exception) -> Exception:
    """The error, or the sentence that stands for it."""
    if isinstance(error, GaninvError):
        return error
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # of the host; of a device, by JAX
        first = (str(error).strip() or "MemoryError").partition("\n")[0]
        return InputError(
            f"What was asked for must fit the memory, but it does not ({first}); give a smaller batch, fewer pictures "
            "at a time or a smaller network."
        )
    return error


def _dispatch(arguments: list[str]) -> None:
    verbs = {verb: text for verb, text in VERBS.items() if importlib.util.find_spec(f"ganinv_jax.cli.{verb}")}
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview(verbs))
        return
    verb, *rest = arguments
    if verb not in verbs:
        near = difflib.get_close_matches(verb, verbs, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(verbs)}."
        raise InputError(f"There is no command {verb!r}; {hint}")
    module = importlib.import_module(f"ganinv_jax.cli.{verb}")
    parser = _Parser(prog=f"ganinv {verb}", description=module.__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.add_arguments(parser)
    if getattr(module, "TAKES_OVERRIDES", False):
        args, args.overrides = parser.parse_known_args(rest)
    else:
        args = parser.parse_args(rest)
    module.run(args)


def _overview(verbs: dict[str, str]) -> str:
    width = max(map(len, verbs), default=0)
    lines = [f"  {verb:<{width}}  {text}" for verb, text in verbs.items()]
    return "\n".join(
        [
            "usage: ganinv VERB ...",
            "",
            "GAN inversion, diverse inpainting and editing with StyleGAN2.",
            "",
            *lines,
            "",
            "`ganinv VERB --help` tells a verb's options. --debug adds the stack of an error.",
            "Exit codes: 0 done, 1 a fault of ours, 2 bad input, 3 stopped on request and resumable.",
        ]
    )


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument as every other bad input is reported."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; `{self.prog} --help` lists the options.")


if __name__ == "__main__":
    sys.exit(main())
