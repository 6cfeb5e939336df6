"""Studies of mGANprior through several tasks at once: against one code, and what each layer knows."""

import argparse
from collections.abc import Mapping
from typing import Any

from ganinv_jax.cli.evaluate.inversion import Task, Variant, inverter, real_pictures, steps_of, written

SHOWN = 2  # photos a task on the sheet, the first ones


def compare_tasks(job: Any, variants: Mapping[str, Variant], args: argparse.Namespace) -> Any:
    """The report on variants of a method: a column each and one of what is seen, a row a task and figure."""
    import numpy as np

    from ganinv_jax.core.images import labelled_grid
    from ganinv_jax.evaluation import tasks
    from ganinv_jax.evaluation.report import Report

    chosen = [Task(name, options) for name, options in written(args.tasks, "--tasks").values()]
    steps = {
        (task.name, name): steps_of(variants[name], task, args.steps_share) for task in chosen for name in variants
    }
    real = real_pictures(job)
    photos = np.stack([photo for _, photo in real])
    asked = {"study": args.study, "variants": list(variants), "tasks": args.tasks}
    pieces = job.pieces(**asked, steps_share=args.steps_share, batch=args.batch)
    columns: dict[str, dict[str, float]] = {tasks.SEEN: {}} | {name: {} for name in variants}
    pictures: list[dict[str, Any]] = [{"name": name} for name, _ in real]
    rows, labels = [], []
    for task in chosen:
        cells, before = {"photo": photos, tasks.SEEN: np.full_like(photos, 255)}, {}
        for index, (name, variant) in enumerate(variants.items()):
            invert = inverter(job.model, variant, task, steps[task.name, name])
            with job.bar(len(photos), f"pictures, {task.name} by {name}") as done:
                own = pieces.within(f"{task.name}-{index:02d}")
                solved = tasks.solve(invert, photos, own, args.batch, done)
            before = solved.before
            cells[name] = solved.images
            cells[tasks.SEEN] = cells[tasks.SEEN] if solved.seen is None else solved.seen
            columns[name] |= _named(task, solved.figures, np.mean)
            for entry, figures in zip(pictures, _each(solved.figures), strict=True):
                entry.setdefault(name, {}).update(_named(task, figures))
        columns[tasks.SEEN] |= _named(task, before, np.mean)
        rows += list(np.stack([cell[:SHOWN] for cell in cells.values()], axis=1))
        labels += [task.name] * min(SHOWN, len(photos))
    titles = ["photo", *columns]
    sheet = labelled_grid(np.concatenate(rows), labels, titles)
    plots = _plots(args.study, columns, variants, [task.name for task in chosen])
    notes = [f"Whole pictures are judged, with nothing pasted. On the sheet: {', '.join(titles)}."]
    return Report("evaluate ablation", job.asked, columns, pictures, notes, sheet, plots)


def _named(task: Task, figures: Mapping[str, Any], reduce: Any = float) -> dict[str, float]:
    return {f"{task.name}_{name}": float(reduce(value)) for name, value in figures.items()}


def _each(figures: Mapping[str, Any]) -> list[dict[str, float]]:
    """Figures of every picture, from every figure's of all."""
    return [dict(zip(figures, values, strict=True)) for values in zip(*figures.values(), strict=True)]


def _plots(study: str, columns: Any, variants: Mapping[str, Variant], tasks: list[str]) -> dict[str, Any]:
    from ganinv_jax.evaluation.ablation import codes_named
    from ganinv_jax.evaluation.plots import Bars, Panels
    from ganinv_jax.evaluation.tasks import knowledge

    if study == "mganprior-tasks":
        return {"tasks": Bars(columns, [f"{task}_psnr" for task in tasks])}
    places = {name: (options["layer"], codes_named(options["codes"])) for name, (_, options) in variants.items()}
    return {"knowledge": Panels(knowledge(columns, places))}
