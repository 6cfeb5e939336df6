"""Interprets a pickle (protocols 0 to 5) opcode by opcode into plain values and records; nothing it names is run.

Source: the opcode table of Python's `pickletools`, and `pickle._Unpickler`, whose stack, marks and memo these are.
"""

from collections.abc import Callable
from typing import Any

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import limits, names
from ganinv_jax.core.torchfile.checks import check_shape
from ganinv_jax.core.torchfile.cursor import Cursor
from ganinv_jax.core.torchfile.records import Call, Global, Persistent


def interpret(data: memoryview, position: int = 0) -> tuple[Any, int]:
    """The value of the pickle that starts at `position`, and where it ends.

    Values are None, numbers, text, bytes (long ones as views of `data`), lists, tuples, dicts, sets and the records
    Global, Call and Persistent.
    The result has no cycles and is at most `limits.DEPTH` deep. Raises InputError.
    """
    machine = _Machine(Cursor(data, position))
    value = machine.run()
    check_shape(value)
    return value, machine.cursor.position


class _Machine:
    def __init__(self, cursor: Cursor):
        self.cursor = cursor
        self.stack: list = []
        self.below: list[list] = []  # the stacks under each open mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(limits.OPCODES):
            code = self.cursor.number("B")
            if code in _ARGUMENTS:
                self.stack.append(_ARGUMENTS[code](self.cursor))
            elif code in _ACTIONS:
                _ACTIONS[code](self)
            elif code == _STOP:
                return self.result()
            else:
                at = self.cursor.position - 1
                raise InputError(f"The file is not a pickle: byte {at} is 0x{code:02x}, which is no opcode.")
        raise InputError(f"The pickle has more than {limits.OPCODES} opcodes; no weight file needs so many.")

    def result(self) -> Any:
        if self.below or len(self.stack) != 1:
            raise _malformed("it ends with values left over")
        return self.stack[0]

    # -- the stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack:
            raise _malformed("an opcode takes from an empty stack")
        return self.stack.pop()

    def pop_many(self, count: int) -> tuple:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def top(self) -> Any:
        if not self.stack:
            raise _malformed("an opcode looks at an empty stack")
        return self.stack[-1]

    def mark(self) -> None:
        if len(self.below) >= limits.MARKS:
            raise InputError(f"The pickle opens more than {limits.MARKS} marks at once; no weight file is so deep.")
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list:
        if not self.below:
            raise _malformed("an opcode needs a mark, and there is none")
        values, self.stack = self.stack, self.below.pop()
        return values

    def drop(self) -> None:
        if self.stack or not self.below:
            self.pop()
        else:
            self.pop_mark()

    # -- the memo

    def put(self, index: int) -> None:
        if not 0 <= index < limits.MEMO_INDEX:
            raise InputError(f"The pickle numbers its memo up to {index}; at most {limits.MEMO_INDEX} are allowed.")
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise _malformed(f"it asks for number {index} of its memo, which was never stored")
        self.stack.append(self.memo[index])

    # -- containers

    def append(self, values: list) -> None:
        if not isinstance(self.top(), list):
            raise _malformed("it appends to something that is not a list")
        self.stack[-1].extend(values)

    def add(self, values: list) -> None:
        if not isinstance(self.top(), set):
            raise _malformed("it adds to something that is not a set")
        self.stack[-1].update(map(_key, values))

    def set_items(self, values: list) -> None:
        target = self.top()
        if isinstance(target, Call):
            target = target.items
        if not isinstance(target, dict) or len(values) % 2:
            raise _malformed("it sets items of something that is not a dictionary")
        target.update(zip(map(_key, values[::2]), values[1::2], strict=True))

    def push_dict(self, values: list) -> None:
        self.stack.append({})
        self.set_items(values)

    # -- names and calls, written down only

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _malformed("a module or class name is not text")
        self.stack.append(names.known(module, name))

    def call(self, function: Any, args: Any, kwargs: Any = None) -> None:
        if not isinstance(function, Global) or not isinstance(args, tuple) or kwargs:
            raise InputError("The pickle calls something else than a name with a tuple of arguments; it was refused.")
        self.stack.append(Call(function, args))

    def build(self) -> None:
        target, state = self.pop_many(2)
        if not isinstance(target, Call) or target.function.path not in names.TAKES_STATE or target.state is not None:
            name = target.function.path if isinstance(target, Call) else type(target).__name__
            raise InputError(f"The pickle gives a state to {name!r}, which takes none; refused, and nothing was run.")
        target.state = state
        self.stack.append(target)

    def instance(self) -> None:  # INST: the name is in the stream, the arguments above the mark
        self.name(self.cursor.ascii_line(), self.cursor.ascii_line())
        function = self.pop()
        self.call(function, tuple(self.pop_mark()))

    def object(self) -> None:  # OBJ: name and arguments above the mark
        function, *args = self.pop_mark() or [None]
        self.call(function, tuple(args))

    # -- the rest

    def protocol(self) -> None:
        version = self.cursor.number("B")
        if version > 5:
            raise InputError(f"The pickle has protocol {version}; protocols 0 to 5 exist.")

    def frame(self) -> None:
        length = self.cursor.number("<Q")
        left = len(self.cursor.data) - self.cursor.position
        if length > left:
            raise InputError(f"The file is truncated: a frame of {length} bytes is announced, but {left} are left.")

    def extension(self) -> None:
        raise InputError("The pickle uses the extension registry (opcode EXT), which no weight file needs; refused.")

    def buffer(self) -> None:
        raise InputError("The pickle keeps data in out-of-band buffers, outside the file; save it without them.")


def _key(value: Any) -> Any:
    """A dictionary key or set member: a plain scalar, or a flat tuple of such (deep ones cannot be hashed safely)."""
    plain = (str, bytes, int, float, type(None))  # bool is an int
    if isinstance(value, plain):
        return value
    if isinstance(value, tuple) and len(value) <= limits.AXES and all(isinstance(item, plain) for item in value):
        return value
    raise _malformed(f"a dictionary key or set member is a {type(value).__name__}")


def _malformed(what: str) -> InputError:
    return InputError(f"The pickle is malformed: {what}; fetch or write the file again.")


_STOP = ord(".")

# Opcodes that push a value read from the stream.
_ARGUMENTS: dict[int, Callable[[Cursor], Any]] = {
    ord("N"): lambda cursor: None,
    0x88: lambda cursor: True,
    0x89: lambda cursor: False,
    ord(")"): lambda cursor: (),
    ord("]"): lambda cursor: [],
    ord("}"): lambda cursor: {},
    0x8F: lambda cursor: set(),
    ord("K"): lambda cursor: cursor.number("<B"),
    ord("M"): lambda cursor: cursor.number("<H"),
    ord("J"): lambda cursor: cursor.number("<i"),
    ord("G"): lambda cursor: cursor.number(">d"),
    ord("I"): Cursor.integer_line,
    ord("L"): Cursor.integer_line,
    ord("F"): Cursor.float_line,
    0x8A: lambda cursor: cursor.long("<B"),
    0x8B: lambda cursor: cursor.long("<I"),
    ord("X"): lambda cursor: cursor.text("<I"),
    0x8C: lambda cursor: cursor.text("<B"),
    0x8D: lambda cursor: cursor.text("<Q"),
    ord("V"): Cursor.escaped_line,
    ord("S"): Cursor.quoted_line,
    ord("T"): lambda cursor: cursor.latin("<I"),
    ord("U"): lambda cursor: cursor.latin("<B"),
    ord("B"): lambda cursor: cursor.content("<I"),
    ord("C"): lambda cursor: cursor.blob("<B"),
    0x8E: lambda cursor: cursor.content("<Q"),
    0x96: lambda cursor: cursor.content("<Q"),
}

# Opcodes that work on the stack.
_ACTIONS: dict[int, Callable[[_Machine], Any]] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("("): _Machine.mark,
    ord("0"): _Machine.drop,
    ord("1"): _Machine.pop_mark,
    ord("2"): lambda m: m.push(m.top()),
    ord("p"): lambda m: m.put(int(m.cursor.integer_line())),
    ord("q"): lambda m: m.put(m.cursor.number("<B")),
    ord("r"): lambda m: m.put(m.cursor.number("<I")),
    0x94: lambda m: m.put(len(m.memo)),
    ord("g"): lambda m: m.get(int(m.cursor.integer_line())),
    ord("h"): lambda m: m.get(m.cursor.number("<B")),
    ord("j"): lambda m: m.get(m.cursor.number("<I")),
    0x85: lambda m: m.push(m.pop_many(1)),
    0x86: lambda m: m.push(m.pop_many(2)),
    0x87: lambda m: m.push(m.pop_many(3)),
    ord("t"): lambda m: m.push(tuple(m.pop_mark())),
    ord("l"): lambda m: m.push(m.pop_mark()),
    ord("d"): lambda m: m.push_dict(m.pop_mark()),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.pop_mark()),
    ord("s"): lambda m: m.set_items(list(m.pop_many(2))),
    ord("u"): lambda m: m.set_items(m.pop_mark()),
    0x90: lambda m: m.add(m.pop_mark()),
    0x91: lambda m: m.push(frozenset(map(_key, m.pop_mark()))),
    ord("c"): lambda m: m.name(m.cursor.ascii_line(), m.cursor.ascii_line()),
    0x93: lambda m: m.name(*m.pop_many(2)),
    ord("R"): lambda m: m.call(*m.pop_many(2)),
    0x81: lambda m: m.call(*m.pop_many(2)),
    0x92: lambda m: m.call(*m.pop_many(3)),
    ord("b"): _Machine.build,
    ord("i"): _Machine.instance,
    ord("o"): _Machine.object,
    ord("Q"): lambda m: m.push(Persistent(m.pop())),
    ord("P"): lambda m: m.push(Persistent(m.cursor.ascii_line())),
    0x82: _Machine.extension,
    0x83: _Machine.extension,
    0x84: _Machine.extension,
    0x97: _Machine.buffer,
    0x98: _Machine.buffer,
}
