"""What the protocols share: the pictures asked for, what they are looked at through, and work kept on disk."""

import argparse
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ganinv_jax.core.errors import InputError

PROGRESS = "progress"  # the folder of pieces, beside the report to come
SHEET_ROWS = 4  # of the best, of the median and of the worst pictures


class Work:
    """One evaluation: `asked`, what its report depends on; `pieces`; `out`, where its files go."""

    def __init__(self, out: Path):
        self.out = out
        self.asked: dict[str, Any] = {}
        self._pieces: Any = None

    def pieces(self, **asked: Any) -> Any:
        """The work kept on disk. It and the report depend on `asked`, besides what is in `self.asked`."""
        from ganinv_jax.evaluation.pieces import Pieces

        self.asked |= asked
        self._pieces = Pieces(self.out / PROGRESS, self.asked)
        return self._pieces

    def clear(self) -> None:
        """Remove the work kept on disk."""
        if self._pieces is not None:
            self._pieces.clear()

    @property
    def notes(self) -> list[str]:
        """What the report's reader should know of the work."""
        resumed = self._pieces is not None and self._pieces.resumed
        return ["The work was stopped and gone on with; its seconds are those of the last run."] if resumed else []

    @contextlib.contextmanager
    def bar(self, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """A progress bar; yields what to tell the count of done ones to."""
        from tqdm import tqdm

        with tqdm(total=total, unit=f" {unit}", leave=False, disable=None) as bar:

            def told(done: int) -> None:
                bar.update(done - bar.n)

            yield told


class Job(Work):
    """An evaluation on pictures: `source` and `num`, the real ones; `networks`; `model`.

    Raises InputError without --data, or where it has fewer pictures than asked for.
    """

    def __init__(self, args: argparse.Namespace, out: Path):
        from ganinv_jax.data.sources import open_source

        super().__init__(out)
        if not args.data:
            raise InputError("--data must name the real pictures (a folder, a zip or tfds:NAME/SPLIT); give it.")
        self._args = args
        self.source = open_source(args.data)
        self.num = args.num or len(self.source)
        check_enough(self.source, args.data, self.num)
        self.asked |= {"data": args.data, "num": self.num}

    @functools.cached_property
    def networks(self) -> Any:
        """What figures are computed through, as --networks lists it."""
        from ganinv_jax.evaluation.sets import open_networks

        names = [name.strip() for name in self._args.networks.split(",") if name.strip()]
        if not names:
            raise InputError("--networks must name what pictures are looked at through, but it is empty; leave it out.")
        return open_networks(names)

    def reference(self, side: int) -> Any:
        """More real pictures, as many as are asked for, where --reference names any: a sequence of squares."""
        return self._besides("reference", side, self.num)

    def trained_on(self, side: int) -> Any:
        """All pictures of training, where --trained-on names them: a sequence of squares."""
        return self._besides("trained_on", side)

    def _besides(self, option: str, side: int, most: int | None = None) -> Any:
        from ganinv_jax.data.sources import open_source
        from ganinv_jax.evaluation.results import Squares

        named, flag = getattr(self._args, option), f"--{option.replace('_', '-')}"
        if not named:
            return ()
        if named == self._args.data:
            raise InputError(f"{flag} must name other pictures than --data, or nothing would be learned of them.")
        source = open_source(named)
        self.asked[option] = named
        return Squares(source, min(most or len(source), len(source)), side)

    @functools.cached_property
    def model(self) -> Any:
        """The model asked for; the report will say which."""
        from ganinv_jax.pipelines import load

        model = load(self._args.model, self._args.compute)
        self.asked |= {"model": model.name, "compute": self._args.compute, "digest": model.digest[:16]}
        return model

    def pieces(self, **asked: Any) -> Any:
        """The work kept on disk. It and the report depend on `asked`, besides model, pictures and networks."""
        return super().pieces(**asked, networks=[extractor.name for extractor in self.networks.extractors])


def check_enough(source: Any, name: str, num: int) -> None:
    """Raise InputError unless there are `num` pictures, and two at least."""
    if not 2 <= num <= len(source):
        need = max(num, 2)
        raise InputError(f"{name} holds {len(source)} pictures, but {need} are needed; ask for fewer or give more.")


def extremes(values: Mapping[int, float]) -> list[int]:
    """Which ones to show, best (largest) first: a few of the best, of the median and of the worst."""
    order = sorted(values, key=lambda i: -values[i])
    middle = max(0, len(order) // 2 - SHEET_ROWS // 2)
    parts = (order[:SHEET_ROWS], order[middle : middle + SHEET_ROWS], order[-SHEET_ROWS:])
    return list(dict.fromkeys(i for part in parts for i in part))
