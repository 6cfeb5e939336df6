"""What can go wrong, as far as a person is told about it."""


class GaninvError(Exception):
    """The base of every error that this package raises on purpose."""

    exit_code = 1
    """What a command exits with that ends by it."""


class InputError(GaninvError):
    """Bad input: one sentence that says what must hold, what was given and what to do."""

    exit_code = 2


class BrokenFileError(InputError):
    """Bad input inside of one file: reading it again, or on another machine, cannot help."""


class StoppedError(GaninvError):
    """Stopped on request; running the same command again goes on from there."""

    exit_code = 3
