"""Recover latents of small generators with random weights, where it can be seen what is proven of inversion: linear
programs, one layer at a time (Lei et al. 2019), against gradient descent (Ma et al. 2018) by the engine of `ganinv
invert`, and compressed sensing (Bora et al. 2017).

Curves: dimension (how often, against the latent dimension of k-250-600 networks; a ReLU leaves half of the 250, so that
125 is the end), leaky (the same with leaky ReLUs, which leave all), noise (error against that of the outputs), partial
(how often, against the share of outputs seen; linear programs need as many positive ones as the hidden layer is wide)
and measurements (error against the number of random sums seen). The table has the share of trials whose latent is found
to 1 %, and for noise and measurements the median relative error.
"""

import argparse
from typing import Any

from ganinv_jax.cli import common

ON_PICTURES = False  # nor with a model
STEPS = 5000  # of gradient descent: at the official 1000 many a trial is still on its way


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--curves", default="all", metavar="LIST", help="as named above (default: all)")
    parser.add_argument("--trials", type=common.some, default=10, metavar="N", help="at every point (default: 10)")
    parser.add_argument("--points", type=common.count, metavar="N", help="of every curve (default: the papers')")
    parser.add_argument("--steps", type=common.some, default=STEPS, metavar="N", help="of descent (default: 5000)")


def run(args: argparse.Namespace, job: Any) -> Any:
    from ganinv_jax.evaluation import recovery
    from ganinv_jax.evaluation.report import Report

    curves = recovery.curves_of(args.curves, args.points)
    asked = {"curves": list(curves), "trials": args.trials, "points": args.points, "steps": args.steps}
    pieces, solvers = job.pieces(**asked), _solvers(args.steps)
    columns: dict[str, dict[str, float]] = {}
    plots = {}
    for name, curve in curves.items():
        with job.bar(len(curve.points) * args.trials, f"trials of {name}") as done:
            scores = recovery.score_curve(curve, solvers, args.trials, pieces.within(name), done)
        for solver, figures in recovery.summary(name, curve, scores).items():
            columns.setdefault(solver, {}).update(figures)
        plots[name] = recovery.plot(curve, scores)
    return Report("evaluate recovery", job.asked, columns, plots=plots)


def _solvers(steps: int) -> dict[str, Any]:
    """All that the curves name."""
    import functools

    from ganinv_jax.evaluation.recovery import DESCENT, RESTARTS
    from ganinv_jax.inversion import METHODS, layer_lp

    def exact(norm: Any, trial: Any) -> Any:
        return layer_lp.invert(trial.generator, trial.outputs, trial.bound, norm, trial.known).z

    programs = {f"LP {norm}": functools.partial(exact, norm) for norm in ("linf", "l1", "relaxed")}
    sensing = {f"csgm, best of {n}": functools.partial(_descend, METHODS["csgm"](n)) for n in RESTARTS}
    return {**programs, **sensing, DESCENT: functools.partial(_descend, METHODS["partial"]().scaled(steps))}


def _descend(method: Any, trial: Any) -> Any:
    import jax.numpy as jnp

    from ganinv_jax.evaluation.recovery import WIDEST
    from ganinv_jax.inversion.affine import recover
    from ganinv_jax.inversion.degradations import Inpainting, RandomProjection

    if trial.matrix is None:
        seen = Inpainting(jnp.asarray(trial.known[:, None, None], jnp.float32))
    else:
        seen = RandomProjection(jnp.asarray(trial.matrix, jnp.float32))
    wide = trial.generator.widened(WIDEST)  # so that one compiled program serves every latent dimension
    return recover(wide, trial.outputs[None], method, seen, trial.seed).z[0, : len(trial.z)]
