"""Checks the shape of what a pickle holds before anything walks it: no cycles, bounded depth and size."""

from typing import Any

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import limits
from ganinv_jax.core.torchfile.records import Call, Persistent


def check_shape(root: Any) -> None:
    """Raise InputError where `root` contains itself, or is deeper or larger (when walked) than the limits allow.

    Works without recursion, in time linear in the number of distinct values.
    """
    measured: dict[int, tuple[int, int]] = {}  # id -> depth, values walked
    open_ids: set[int] = set()
    todo: list[tuple[Any, bool]] = [(root, False)]
    while todo:
        value, done = todo.pop()
        children = _children(value)
        if children is None or not done and id(value) in measured:
            continue
        if done:
            open_ids.discard(id(value))
            measured[id(value)] = _measure(children, measured)
        elif id(value) in open_ids:
            raise InputError("The pickle holds a value that contains itself (a cycle), which no weight file needs.")
        else:
            open_ids.add(id(value))
            todo.append((value, True))
            todo.extend((child, False) for child in children)


def persistent(root: Any) -> list[Persistent]:
    """All references to storages in `root`, each once, in no certain order."""
    seen: set[int] = set()
    found, todo = [], [root]
    while todo:
        value = todo.pop()
        children = _children(value)
        if children is None or id(value) in seen:
            continue
        seen.add(id(value))
        todo.extend(children)
        if isinstance(value, Persistent):
            found.append(value)
    return found


def _children(value: Any) -> list | tuple | None:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, Call):
        return [value.args, value.state, *value.items.values()]
    if isinstance(value, Persistent):
        return [value.key]
    return None


def _measure(children: list | tuple, measured: dict[int, tuple[int, int]]) -> tuple[int, int]:
    inner = [measured.get(id(child), (0, 1)) for child in children]
    depth = 1 + max((depth for depth, _ in inner), default=0)
    size = 1 + sum(size for _, size in inner)
    if depth > limits.DEPTH or size > limits.WALKED_VALUES:
        raise InputError(
            f"The pickle is nested to a depth of {depth} and spells out {size} values; "
            f"a weight file has a depth of at most {limits.DEPTH} and {limits.WALKED_VALUES} values."
        )
    return depth, size
