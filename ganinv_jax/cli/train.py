"""Train a model from a recipe; the same command run again goes on from the last checkpoint.

Options of the recipe are changed with --config.NAME=VALUE, for example --config.batch_size=16.
SIGTERM or Ctrl-C saves first and exits with code 3. On several hosts the same command runs on each of them, started by
srun, mpirun or on the hosts of a TPU pod slice, in a folder that all of them see; or with JAX_COORDINATOR_ADDRESS,
JAX_NUM_PROCESSES and JAX_PROCESS_ID in the environment of each.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax.sharding import Mesh

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
    parser.add_argument(
        "--topology", metavar="NAME", help="with --dry-run: plan for TPUs that need not be there, such as v5e:4x4"
    )
    parser.add_argument("--profile", metavar="A:B", help="trace the steps A to B of this process into DIR/profile")


def run(args: argparse.Namespace) -> None:
    from ganinv_jax.core import devices
    from ganinv_jax.training import config, loop, places, plan, record
    from ganinv_jax.training.auto import Hardware
    from ganinv_jax.training.profile import parse_steps

    workdir = places.local(args.workdir)
    profile = parse_steps(args.profile) if args.profile else None
    start = [f"config.init_from={args.init_from}"] if args.init_from else []
    mesh = _described(args) if args.topology else None
    if mesh is None:
        devices.join_processes()
        devices.enable_compilation_cache()
    devices.keep_host_memory()
    with devices.ending_together():
        hardware = record.began_on(workdir) or (Hardware(mesh.size, "tpu") if mesh else None)
        recipe = config.load(args.config, [*args.overrides, *start], hardware)
        task = recipe.make()
        if args.dry_run:
            plan.show(task, workdir, recipe.loop, mesh)
        else:
            loop.run(task, workdir, recipe.loop, profile)


def _described(args: argparse.Namespace) -> "Mesh":
    """The TPUs of `--topology`. What is computed on the way to a plan is left to the CPU."""
    import jax

    from ganinv_jax.core import devices, topologies
    from ganinv_jax.core.configs import check

    check(args.dry_run, "--topology describes TPUs that nothing can run on; give --dry-run too, or leave it out.")
    mesh = devices.data_mesh(topologies.tpu_devices(args.topology))
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)  # No run here takes what is compiled for them.
    return mesh
