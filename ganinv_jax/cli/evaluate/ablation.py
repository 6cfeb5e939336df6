"""Change one part of a method, leave everything else alike, and set the variants beside one another.

Studies of inversion: spaces (Image2StyleGAN's objective in Z, W, W+, and noise after it), starts (the mean code against
the encoder's, at equal steps), clipping (of z, judged by how it is found again in generated pictures), and of mGANprior
mganprior-codes (1 to 20), mganprior-layer (where they are composed), mganprior-importance (of channels) and, through
all that --tasks lists, mganprior-tasks (against one code) and mganprior-knowledge (every layer with 1 to 20 codes);
besides mganprior-regions (what each code answers for).

Studies of the inpainter, on completions of real pictures with a hole each: gate (of the mixer) and full-branch
(reconstructing whole pictures from their own codes), of stage 1 alone; stages (encoder, mixer and skip encoder one
after the other or at once) and skips (fewer resolutions of the skip encoder). Every variant is trained from the
generator and the discriminator of the model, sees KIMG thousand pictures with the same seed, half of them in either
stage where there are two, and is kept in DIR/runs; those that studies share are trained once. Options of the recipes
are changed with --config.NAME=VALUE, for all variants.
"""

import argparse
from pathlib import Path
from typing import Any

from ganinv_jax.cli import common
from ganinv_jax.cli.evaluate import inversion
from ganinv_jax.core.errors import InputError

TASKS = "inversion,inpainting,colorization,super-resolution,denoising"
SHOWN = 8  # photos on the sheet, the first ones
SHOWN_COMPLETIONS = 2
IN_PLOT = ("psnr_known", "psnr", "hole_mse_true", "hole_mse_other", "gate_true")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", metavar="NAME", help="what is changed")
    parser.add_argument("--variants", metavar="LIST", help="only these columns of the study (default: all)")
    parser.add_argument("--photos", metavar="PICTURES", help="real pictures to train beside generated ones")
    parser.add_argument("--kimg", type=common.number, default=20.0, help="thousand pictures a variant (default: 20)")
    parser.add_argument("--recipes", default="inpaint_cat64", metavar="NAME", help="trains NAME_stage1 and _stage2")
    parser.add_argument("--num", type=common.count, metavar="N", help="real pictures to score on (default: all)")
    parser.add_argument("--holes", default="large", metavar="NAME|DIR", help="a preset or a folder (default: large)")
    parser.add_argument("--samples", type=common.count, default=4, metavar="N", help="completions each (default: 4)")
    parser.add_argument(
        "--generated", type=common.some, default=4, metavar="N", help="generated pictures to invert (default: 4)"
    )
    parser.add_argument("--task", default=inversion.WHOLE, metavar="NAME", help="what inversions see (default: all)")
    parser.add_argument("--tasks", metavar="LIST", help="such as inpainting:hole=center (default: five)")
    parser.add_argument("--segments", metavar="DIR", help="STEM.png for each photo: a class a pixel, for regions")
    inversion.add_shared(parser)


def run(args: argparse.Namespace, job: Any) -> Any:
    from ganinv_jax.evaluation.ablation import STUDIES, check_study

    check_study(args.study)
    _check_arguments(args)
    return _inpainter(args, job) if args.study in STUDIES else _inversion(args, job)


def _check_arguments(args: argparse.Namespace) -> None:
    """Raise InputError for arguments that other studies have: they would be left aside without a word."""
    from ganinv_jax.evaluation.ablation import ACROSS_TASKS, REGIONS, STUDIES

    one_task = args.study not in (*STUDIES, *ACROSS_TASKS)
    foreign = {
        "--photos": args.photos and args.study not in STUDIES,
        "--segments": args.segments and args.study != REGIONS,
        "--task": args.task != inversion.WHOLE and not one_task,
        "--task-option": args.task_option and not one_task,
        "--tasks": args.tasks and args.study not in ACROSS_TASKS,
        "--variants": args.variants and args.study == REGIONS,
    }
    for name in (name for name, given in foreign.items() if given):
        raise InputError(f"{name} is of other studies than {args.study}; leave it out.")


def _inversion(args: argparse.Namespace, job: Any) -> Any:
    from ganinv_jax.cli.evaluate.regions import study_regions
    from ganinv_jax.cli.evaluate.tasks import compare_tasks
    from ganinv_jax.evaluation.ablation import ACROSS_TASKS, REGIONS, comparison, only

    if args.overrides:
        raise InputError(f"{args.study} trains nothing, so it takes no {args.overrides[0]}; leave that out.")
    if args.study == REGIONS:
        return study_regions(job, args)
    variants = only(comparison(args.study, job.model.config.resolution), args.variants)
    if args.study in ACROSS_TASKS:
        return compare_tasks(job, variants, args, args.tasks or TASKS)
    return inversion.compare(job, "evaluate ablation", variants, args, study=args.study)


def _inpainter(args: argparse.Namespace, job: Any) -> Any:
    from ganinv_jax.evaluation.ablation import only, study
    from ganinv_jax.evaluation.inpainting import UNSEEN_SEEDS
    from ganinv_jax.evaluation.plots import Bars
    from ganinv_jax.evaluation.report import Report
    from ganinv_jax.evaluation.results import check_holes

    check_holes(args.holes)
    if not args.photos or args.kimg <= 0:
        raise InputError("--photos must name the pictures to train with, and --kimg be above 0; give both.")
    model = job.model
    variants = only(study(args.study, model.config.resolution), args.variants)
    asked = {"kimg": args.kimg, "photos": args.photos, "recipes": args.recipes, "changes": args.overrides}
    pieces = job.pieces(study=args.study, variants=list(variants), **asked, holes=args.holes, samples=args.samples)
    start = _start(model, job.out / "runs", asked)
    folders = {name: _train(args, job.out / "runs", start, trainings) for name, trainings in variants.items()}
    columns, cells = {}, []
    for name, folder in folders.items():
        columns[name], shown = _score(args, job, pieces.within(name), folder)
        cells.append(shown)
    plots = {"variants": Bars(columns, IN_PLOT)}
    note = f"Every variant saw {args.kimg:g} thousand pictures, with the same seed. On the sheet: photo, what was "
    note += f"seen of it, and {SHOWN_COMPLETIONS} completions by each: {', '.join(variants)}."
    heard = f"hole_mse_… and gate_… are of {len(UNSEEN_SEEDS)} generated pictures, all else of real ones."
    return Report("evaluate ablation", job.asked, columns, notes=[note, heard], sheet=_sheet(cells), plots=plots)


def _start(model: Any, runs: Path, asked: dict[str, Any]) -> Path:
    """What all variants begin with. Runs stay, for other studies to share, but only those asked alike share them."""
    from ganinv_jax.evaluation.pieces import check_plan, write_plan

    plan = {"model": model.digest, **asked}
    if not check_plan(runs, plan):
        model.save(runs / "start", ("generator", "discriminator"))
        write_plan(runs, plan)
    return runs / "start"


def _train(args: argparse.Namespace, runs: Path, start: Path, trainings: Any) -> Path:
    """Do the trainings that are not done yet, each on the one before; returns the last one's model folder."""
    from ganinv_jax.training import config, loop

    for training in trainings:
        own = {"init_from": start, "photos.source": args.photos, "loop.total_kimg": args.kimg * training.share}
        changes = [f"config.{name}={value}" for name, value in (own | dict(training.changes)).items()]
        recipe = config.load(f"{args.recipes}_{training.recipe}", [*args.overrides, *changes])
        workdir = runs / training.name
        loop.run(recipe.make(), workdir, recipe.loop)
        start = workdir / "model"
    return start


def _score(args: argparse.Namespace, job: Any, pieces: Any, folder: Path) -> tuple[dict[str, Any], Any]:
    """A variant's figures, and the pictures of its first cases: photo, erased photo, completions."""
    from ganinv_jax.evaluation import inpainting
    from ganinv_jax.evaluation.results import case_at
    from ganinv_jax.pipelines import load

    model = load(folder, args.compute)
    modules, variables = model.inpainter
    draw = inpainting.completer(modules, variables, args.samples)

    def at(index: int) -> Any:
        return case_at(job.source, index, model.config.resolution, args.holes)

    with job.bar(job.num, "photos") as done:
        columns, _ = inpainting.score_cases(at, job.num, draw, job.networks, pieces, report=done)
    heard = inpainting.evaluate_listening(modules, variables, inpainting.UNSEEN_SEEDS, args.holes)
    heard.pop("count", None)  # of generated pictures; most of the column is of real ones
    shown = [inpainting.case_row(at(i), draw(at(i))) for i in range(min(SHOWN, job.num))]
    return columns[inpainting.DRAWN] | heard, shown


def _sheet(cells: list[Any]) -> Any:
    """A row a photo: what all variants share, then the completions of each."""
    import numpy as np

    from ganinv_jax.core.images import grid

    end = 2 + SHOWN_COMPLETIONS
    rows = [np.concatenate([row[0][:2], *(shown[2:end] for shown in row)]) for row in zip(*cells, strict=True)]
    return grid(np.concatenate(rows), columns=len(rows[0]))
