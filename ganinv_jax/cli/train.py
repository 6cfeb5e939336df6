"""Train a model from a recipe; the same command run again goes on from the last checkpoint.

Options of the recipe are changed with --config.NAME=VALUE, for example --config.batch_size=16.
SIGTERM or Ctrl-C saves first and exits with code 3. On several hosts the same command runs on each of them, started by
srun, mpirun or on the hosts of a TPU pod slice, in a folder that all of them see; or with JAX_COORDINATOR_ADDRESS,
JAX_NUM_PROCESSES and JAX_PROCESS_ID in the environment of each.
"""

import argparse
from pathlib import Path

TAKES_OVERRIDES = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", required=True, metavar="RECIPE", help="a recipe's path, or the name of an installed one"
    )
    parser.add_argument("--workdir", required=True, metavar="DIR", help="where the run is written, and found again")
    parser.add_argument(
        "--init-from", metavar="MODEL", help="a model or a bundled name to start from (--config.init_from)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
    parser.add_argument("--profile", metavar="A:B", help="trace the steps A to B of this process into DIR/profile")


def run(args: argparse.Namespace) -> None:
    from ganinv_jax.core import devices
    from ganinv_jax.training import config, loop, plan, record
    from ganinv_jax.training.profile import parse_steps

    profile = parse_steps(args.profile) if args.profile else None
    start = [f"config.init_from={args.init_from}"] if args.init_from else []
    devices.join_processes()
    devices.enable_compilation_cache()
    devices.keep_host_memory()
    recipe = config.load(args.config, [*args.overrides, *start], record.began_on(Path(args.workdir)))
    task = recipe.make()
    if args.dry_run:
        plan.show(task, args.workdir, recipe.loop)
    else:
        loop.run(task, args.workdir, recipe.loop, profile)
