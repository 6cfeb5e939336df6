"""Training data that nobody prepared: broken pictures are told of and passed over."""

import itertools
import logging
import threading
from collections.abc import Iterable

from ganinv_jax.core.errors import BrokenFileError, InputError
from ganinv_jax.data.sources import Example, Source

_log = logging.getLogger(__name__)
_told: set[str] = set()
_telling = threading.Lock()


class Unbroken:
    """A source in which the next whole picture stands in for each that is broken, from the last one on to the first.

    So there is no need to read all of the source before training, and a resumed run sees the same pictures: which one
    stands in follows from the files alone. A warning says of each broken picture what is wrong with it, once in a
    process.

    Only what is wrong with a file itself is passed over (BrokenFileError). Reading raises InputError where a disk or a
    network fails, which may be well again later, and where no picture is whole.
    """

    def __init__(self, source: Source):
        self._source, self.c_dim, self.has_masks = source, source.c_dim, source.has_masks
        self._broken: set[int] = set()

    def __len__(self) -> int:
        return len(self._source)

    def listing(self) -> Iterable[str]:
        """All, also those that are broken."""
        return self._source.listing()

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(index)
        for at in itertools.chain(range(index, len(self)), range(index)):
            if at in self._broken:
                continue
            try:
                return self._source[at]
            except BrokenFileError as error:
                self._broken.add(at)
                _tell(f"Left out: {error}")
        raise InputError(f"Some picture must be whole, but all {len(self)} are broken; name another folder or zip.")


def _tell(message: str) -> None:
    with _telling:
        if message not in _told:
            _told.add(message)
            _log.warning("%s", message)
