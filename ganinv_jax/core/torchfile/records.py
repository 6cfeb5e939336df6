"""What a pickle says, written down and not done."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or function. Nothing is imported."""

    module: str
    name: str

    @property
    def path(self) -> str:
        """Such as `collections.OrderedDict`."""
        return f"{self.module}.{self.name}"


@dataclasses.dataclass(eq=False, slots=True)
class Call:
    """That the pickle wants `function(*args)`, then `state` given to the result, then `items` set on it."""

    function: Global
    args: tuple = ()
    state: Any = None
    items: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Persistent:
    """A reference to a storage that lies outside the pickle; `key` is torch's tuple that describes it."""

    key: Any
