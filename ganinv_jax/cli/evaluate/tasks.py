"""Studies of mGANprior through several tasks at once: against one code, and what each layer knows."""

import argparse
from collections.abc import Mapping
from typing import Any

from ganinv_jax.cli.evaluate.inversion import Task, Variant, inverter, real_pictures, steps_of, written

SEEN = "seen"  # the column of what a task leaves: what a picture is like for which nothing is done
SHOWN = 2  # photos a task on the sheet, the first ones
NARROWEST = 96  # pixels of a column, for its name to have room


def compare_tasks(job: Any, variants: Mapping[str, Variant], args: argparse.Namespace, listed: str) -> Any:
    """The report on variants of a method: a column each and one of what is seen, a row a task and figure.

    listed: the tasks, as --tasks takes them.
    """
    import numpy as np

    from ganinv_jax.evaluation.report import Report

    tasks = {name: Task(*task) for name, task in written(listed, "--tasks").items()}
    steps = {name: {v: steps_of(variants[v], task, args.steps_share) for v in variants} for name, task in tasks.items()}
    real = real_pictures(job)
    photos = np.stack([photo for _, photo in real])
    asked = {"study": args.study, "variants": list(variants), "tasks": listed}
    pieces = job.pieces(**asked, steps_share=args.steps_share, batch=args.batch)
    solved = {
        name: _solve(job, name, task, variants, steps[name], photos, pieces.within(f"{index:02d}"), args.batch)
        for index, (name, task) in enumerate(tasks.items())
    }
    columns = {SEEN: _joined({name: next(iter(each.values())).before for name, each in solved.items()})}
    columns |= {v: _joined({name: each[v].figures for name, each in solved.items()}) for v in variants}
    means = {name: {key: float(x.mean()) for key, x in figures.items()} for name, figures in columns.items()}
    pictures = [
        {"name": name} | {v: {key: float(x[i]) for key, x in figures.items()} for v, figures in columns.items()}
        for i, (name, _) in enumerate(real)
    ]
    notes = [f"Whole pictures are judged, with nothing pasted. On the sheet: photo, {', '.join(columns)}."]
    plots = _plots(args.study, means, variants, list(tasks))
    return Report("evaluate ablation", job.asked, means, pictures, notes, _sheet(photos, solved), plots)


def _solve(job: Any, name: str, task: Task, variants: Mapping[str, Variant], steps, photos, pieces, batch) -> Any:
    """What each variant makes of a task."""
    from ganinv_jax.evaluation import tasks

    found = {}
    for index, (which, variant) in enumerate(variants.items()):
        invert = inverter(job.model, variant, task, steps[which])
        with job.bar(len(photos), f"pictures, {name} by {which}") as done:
            found[which] = tasks.solve(invert, photos, pieces.within(f"{index:02d}"), batch, done)
    return found


def _joined(by_task: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{task}_{key}": values for task, figures in by_task.items() for key, values in figures.items()}


def _sheet(photos: Any, solved: Mapping[str, Mapping[str, Any]]) -> Any:
    """Some rows a task: photo, what is seen of it (white where that is no picture), and the variants' pictures."""
    import numpy as np

    from ganinv_jax.core.images import labelled_grid

    rows, labels = [], []
    for task, found in solved.items():
        seen = next(iter(found.values())).seen
        cells = [photos, np.full_like(photos, 255) if seen is None else seen, *(each.images for each in found.values())]
        shown = np.stack([cell[:SHOWN] for cell in cells], axis=1)
        rows.append(shown.reshape(-1, *photos.shape[1:]))
        labels += [task] * len(shown)
    variants, larger = next(iter(solved.values())), -(-NARROWEST // photos.shape[1])
    shown = np.concatenate(rows).repeat(larger, axis=1).repeat(larger, axis=2)
    return labelled_grid(shown, labels, ["photo", SEEN, *variants])


def _plots(study: str, columns: Any, variants: Mapping[str, Variant], tasks: list[str]) -> dict[str, Any]:
    from ganinv_jax.evaluation.ablation import codes_named
    from ganinv_jax.evaluation.plots import Bars, Panels
    from ganinv_jax.evaluation.tasks import knowledge

    if study == "mganprior-tasks":
        return {"tasks": Bars(columns, [f"{task}_psnr" for task in tasks])}
    places = {name: (options["layer"], codes_named(options["codes"])) for name, (_, options) in variants.items()}
    return {"knowledge": Panels(knowledge(columns, places))}
