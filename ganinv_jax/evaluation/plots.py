"""Plots of figures, described as data and drawn with Matplotlib into PNG and SVG."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Scatter:
    """Points: series by name, each (x values, y values). labelled: write the series' names beside their points."""

    x: str
    y: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    labelled: bool = False
    colours: tuple[str, Sequence[float]] | None = None
    """A third quantity and its value for every series (of one point each)."""


@dataclasses.dataclass(frozen=True)
class Bars:
    """A group of bars for every figure, a bar for every column; each group on a scale of its own."""

    columns: Mapping[str, Mapping[str, float]]
    figures: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Lines:
    """Curves: series by name, each (x values, y values). logarithmic: which of the axes are, 'x', 'y' or 'xy'."""

    x: str
    y: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    logarithmic: str = ""
    doubling: bool = False
    """Whether x doubles from point to point, as resolutions do."""


@dataclasses.dataclass(frozen=True)
class Panels:
    """Curves beside one another, each on scales of its own: by title."""

    panels: Mapping[str, Lines]


PANELS_A_ROW = 4
Plot = Scatter | Bars | Lines | Panels


def draw(plot: Plot, *files: Path) -> None:
    """Draw a plot into files, each in the format of its suffix."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)  # without a window, whatever the process' own backend is
    _DRAW[type(plot)](figure, plot)
    for file in files:
        # Without a date and with names of their own, so that equal figures give equal files.
        metadata = {"Date": None} if file.suffix == ".svg" else None
        with rc_context({"svg.hashsalt": "ganinv"}):
            figure.savefig(file, dpi=120, metadata=metadata)


def _scatter(figure: Any, plot: Scatter) -> None:
    axes = figure.subplots()
    colours = plot.colours[1] if plot.colours else None
    if colours is not None:
        xs, ys = ([float(values[i][0]) for values in plot.series.values()] for i in (0, 1))
        figure.colorbar(axes.scatter(xs, ys, c=colours, s=60), ax=axes, label=plot.colours[0])  # type: ignore[index]
    else:
        for name, (x, y) in plot.series.items():
            axes.scatter(x, y, s=14 if len(x) > 20 else 40, alpha=0.7, label=name)
    if plot.labelled:
        for name, (x, y) in plot.series.items():
            axes.annotate(name, (x[0], y[0]), xytext=(6, 4), textcoords="offset points", fontsize=8)
    elif len(plot.series) > 1:
        axes.legend()
    axes.set(xlabel=plot.x, ylabel=plot.y)
    axes.margins(0.12)


def _bars(figure: Any, plot: Bars) -> None:
    panels = figure.subplots(1, len(plot.figures), squeeze=False)[0]
    for axes, name in zip(panels, plot.figures, strict=True):
        held = {column: figures[name] for column, figures in plot.columns.items() if figures.get(name) is not None}
        axes.bar(range(len(held)), held.values(), color=[f"C{i}" for i in range(len(held))])
        axes.set_xticks(range(len(held)), held, rotation=45, ha="right", fontsize=8)
        axes.set_title(name.replace("_", " "), fontsize=8)


def _lines(figure: Any, plot: Lines) -> None:
    _curves(figure.subplots(), plot)


def _panels(figure: Any, plot: Panels) -> None:
    columns = min(PANELS_A_ROW, len(plot.panels))
    rows = -(-len(plot.panels) // columns)
    figure.set_size_inches(3.2 * columns, 2.8 * rows)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, (axes, (title, lines)) in enumerate(zip(every, plot.panels.items(), strict=False)):
        _curves(axes, lines, legend=index == 0)
        axes.set_title(title, fontsize=9)
    for axes in every[len(plot.panels) :]:
        axes.set_visible(False)


def _curves(axes: Any, plot: Lines, legend: bool = True) -> None:
    for name, (x, y) in plot.series.items():
        axes.plot(x, y, marker="o", label=name)
    axes.set(xlabel=plot.x, ylabel=plot.y)
    axes.set(**{f"{axis}scale": "log" for axis in plot.logarithmic})
    if plot.doubling:
        ticks = sorted({value for x, _ in plot.series.values() for value in x})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    if legend and len(plot.series) > 1:
        axes.legend(fontsize=8)


_DRAW: dict[type, Any] = {Scatter: _scatter, Bars: _bars, Lines: _lines, Panels: _panels}
