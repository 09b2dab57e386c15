"""What the package raises and warns of."""

from __future__ import annotations


class RevoxelError(ValueError):
    """Anything that cannot be done: what, where, and what to do.

    ``help`` says what to do, besides the message; ``file``, ``line`` and ``column`` (from 1) say where, as far as that is
    known.
    """

    file: str | None
    line: int | None
    column: int | None
    help: str | None

    def __init__(
        self,
        message: str = "",
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.column = column
        self.help = help


class PipelineError(RevoxelError):
    """A pipeline is wrong."""


class ReadError(RevoxelError):
    """A file cannot be read."""


class WriteError(RevoxelError):
    """A file cannot be written."""


class TraceError(RevoxelError):
    """A trace cannot be followed, or a prediction does not fit it."""


class RevoxelWarning(UserWarning):
    """A file that was read says something worth knowing."""
