"""Reads the arguments of pickle opcodes from bytes, never past their end."""

import codecs
import struct

from ganinv_jax.core.errors import InputError
from ganinv_jax.core.torchfile import limits


class Cursor:
    """A position in `data`. Every method moves it on, and raises InputError where the data ends too early."""

    def __init__(self, data: memoryview, position: int = 0):
        self.data = data
        self.position = position

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, not copied."""
        start, end = self.position, self.position + count
        if end > len(self.data):
            left = len(self.data) - start
            raise InputError(
                f"The file is truncated: at byte {start} it announces {count} more bytes, but {left} are left; "
                "fetch it again."
            )
        self.position = end
        return self.data[start:end]

    def number(self, layout: str):
        """One number in `struct`'s layout."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> bytes:
        """Bytes up to the next line feed, which is skipped."""
        start = self.position
        while start < len(self.data):  # in pieces: a memoryview cannot search
            piece = bytes(self.data[start : start + 4096])
            found = piece.find(b"\n")
            if found >= 0:
                end = start + found
                text = bytes(self.data[self.position : end])
                self.position = end + 1
                return text
            start += len(piece)
        raise InputError(f"The file is truncated: the line at byte {self.position} has no end; fetch it again.")

    def blob(self, layout: str) -> bytes:
        """Bytes behind their length."""
        return bytes(self.take(self.number(layout)))

    def content(self, layout: str) -> bytes | memoryview:
        """Bytes behind their length, not copied where they are many: those are a tensor's."""
        data = self.take(self.number(layout))
        return bytes(data) if len(data) < limits.COPIED_BYTES else data

    def text(self, layout: str) -> str:
        """UTF-8 text behind its length."""
        return _decode(self.blob(layout), "utf-8")

    def latin(self, layout: str) -> str:
        """A Python 2 string behind its length, read as NVIDIA's loader does (encoding='latin1')."""
        return self.blob(layout).decode("latin-1")

    def ascii_line(self) -> str:
        """A line of ASCII text."""
        return _decode(self.line(), "ascii")

    def escaped_line(self) -> str:
        """Opcode UNICODE: a line of text with `\\u` escapes."""
        return _decode(self.line(), "raw-unicode-escape")

    def quoted_line(self) -> str:
        """Opcode STRING: a Python 2 string in quotes."""
        line = self.line().strip()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
            raise InputError("The pickle is malformed: a string is not in quotes.")
        try:
            return codecs.escape_decode(line[1:-1])[0].decode("latin-1")  # type: ignore[attr-defined]
        except ValueError as error:
            raise InputError("The pickle is malformed: a string has a broken escape.") from error

    def integer_line(self) -> int | bool:
        """Opcodes INT and LONG: decimal digits; `00` and `01` are false and true."""
        line = self.line()
        if line in (b"00", b"01"):
            return line == b"01"
        digits = line.removesuffix(b"L")
        if len(digits) > limits.INTEGER_DIGITS:
            raise InputError(
                f"The pickle holds an integer of {len(digits)} digits; at most {limits.INTEGER_DIGITS} fit."
            )
        return int(_number(digits, int))

    def float_line(self) -> float:
        """Opcode FLOAT: a decimal number."""
        return float(_number(self.line()[: 4 * limits.INTEGER_DIGITS], float))

    def long(self, layout: str) -> int:
        """Opcodes LONG1 and LONG4: a little-endian integer behind its length."""
        data = self.blob(layout)
        if len(data) > limits.INTEGER_BYTES:
            raise InputError(f"The pickle holds an integer of {len(data)} bytes; at most {limits.INTEGER_BYTES} fit.")
        return int.from_bytes(data, "little", signed=True)


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        raise InputError(f"The pickle is malformed: a text is not {encoding}.") from error


def _number(text: bytes, kind: type) -> float:
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"The pickle is malformed: {bytes(text[:40])!r} is not a number.") from error
