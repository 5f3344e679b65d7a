"""What tensorhold raises: one class, Error, and for each family one that is Python's own as well.

``except FileNotFoundError``, ``except KeyError`` and ``except ValueError`` work as with any Python
library; ``Error.code`` says exactly what went wrong and never changes.
"""

from __future__ import annotations

import errno
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._values import Holder


class Error(Exception):
    """Anything that tensorhold raises on its own account. ``str()`` is a full sentence or two.

    code, code_number: what went wrong, such as ``"duplicate_name"``; frozen.
    reason, advice:    what is wrong; what to do.
    path, tensor:      what it is about; ``""`` where that does not apply.
    offset:            byte in the file, or None.
    os_error:          the system's number, or 0.
    holders:           who holds the file, a tuple of Holder.
    """

    def __init__(
        self,
        message: str = "",
        code: str = "invalid_argument",
        code_number: int = 1,
        reason: str = "",
        advice: str = "",
        path: str = "",
        tensor: str = "",
        offset: int | None = None,
        os_error: int = 0,
        holders: tuple[Holder, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.code_number = code_number
        self.reason = reason or message
        self.advice = advice
        self.path = path
        self.tensor = tensor
        self.offset = offset
        self.os_error = os_error
        self.holders = tuple(holders)

    # KeyError shows the repr of its argument, OSError its number: the message is better.
    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.message, self.code, self.code_number, self.reason, self.advice, self.path,
                  self.tensor, self.offset, self.os_error, self.holders)
        return type(self), fields


class ArgumentError(Error, ValueError):
    """An argument that no file could make right."""


class OutOfMemoryError(Error, MemoryError):
    """The system refused memory, or a limit would be exceeded."""


class CancelledError(Error):
    """The caller asked for the work to stop."""


class UnsupportedError(Error, NotImplementedError):
    """This system or build cannot do it at all."""


class FileError(Error, OSError):
    """The system reported a failure, or the file is not what it was."""

    def __init__(self, *fields: Any, **named: Any) -> None:
        super().__init__(*fields, **named)
        self.filename = self.path or None
        self.strerror = self.reason
        own_errno = 0 if sys.platform == "win32" else self.os_error
        self.errno = own_errno or _ERRNO.get(self.code, errno.EIO)
        if sys.platform == "win32":
            self.winerror = self.os_error


class NotFoundError(FileError, FileNotFoundError):
    """No such file."""


class DeniedError(FileError, PermissionError):
    """Not allowed by the system, or by those who hold the file."""


class NotAFileError(FileError):
    """A socket or a device stands there."""


class IsAFolderError(NotAFileError, IsADirectoryError):
    """A folder stands there."""

    def __init__(self, *fields: Any, **named: Any) -> None:
        super().__init__(*fields, **named)
        self.errno = errno.EISDIR


class ExistsError(FileError, FileExistsError):
    """A name that had to be free is taken."""


class LockConflictError(FileError, TimeoutError):
    """Another process has the lock; see ``holders``."""


class FormatError(Error, ValueError):
    """The file is not a valid safetensors file."""


class TensorNotFoundError(Error, KeyError):
    """No tensor of that name."""


class TensorError(Error, ValueError):
    """A use of a tensor that its dtype, shape or place does not allow."""


class SliceError(TensorError, IndexError):
    """A slice that the shape does not have."""


class ClosedError(Error, ValueError):
    """The file was closed or released; tensors had before stay valid."""


class ReleaseError(Error, RuntimeError):
    """A release in place that could not be done."""


_CLASSES: dict[str, type[Error]] = {
    "invalid_argument": ArgumentError,
    "out_of_memory": OutOfMemoryError,
    "cancelled": CancelledError,
    "unsupported": UnsupportedError,
    "io_error": FileError,
    "not_found": NotFoundError,
    "permission_denied": DeniedError,
    "not_a_file": NotAFileError,
    "no_space": FileError,
    "file_in_use": DeniedError,
    "cannot_map": FileError,
    "unexpected_end": FileError,
    "not_durable": FileError,
    "too_many_open": FileError,
    "already_exists": ExistsError,
    "tensor_not_found": TensorNotFoundError,
    "invalid_slice": SliceError,
    "closed": ClosedError,
    "released": ClosedError,
    "memory_limit": OutOfMemoryError,
    "replaced": FileError,
    "modified": FileError,
    "truncated": FileError,
    "damaged": FileError,
    "lock_conflict": LockConflictError,
}
# Codes of a family that have no class of their own.
_FAMILIES: dict[int, type[Error]] = {1: FileError, 2: FormatError, 3: TensorError, 4: ReleaseError}

# For errors that the library found by itself, without a number of the system.
_ERRNO = {
    "not_found": errno.ENOENT,
    "permission_denied": errno.EACCES,
    "file_in_use": errno.EBUSY,
    "no_space": errno.ENOSPC,
    "too_many_open": errno.EMFILE,
    "already_exists": errno.EEXIST,
    "cannot_map": errno.ENODEV,
    "lock_conflict": errno.ETIMEDOUT,
}


def class_of(code: str, code_number: int) -> type[Error]:
    """The class of a code's errors (not_a_file: of a folder, IsAFolderError)."""
    return _CLASSES.get(code) or _FAMILIES.get(code_number // 100, Error)


# What the library says of its options, and how they are written in Python.
_WORDS = (
    ("the option lenient", "lenient=True"),
    ("List its names to see which it has", "keys() of the file lists its names"),
    ("raise the option header_limit", "give a larger header_limit="),
    ("with access=owned", 'with access="owned"'),
    ("with owned access", 'with access="owned"'),
    ("Turn durable off", "Give durable=False or set TENSORHOLD_DURABLE=0"),
    ("turn durable off", "give durable=False or set TENSORHOLD_DURABLE=0"),
    ("Set follow_symlink", "Give follow_symlink=True"),
    ("set pinned_elsewhere", "give pinned_elsewhere=True"),
    ("without guard", "without guard=True"),
    ("`tensorhold holders` lists them", "tensorhold.holders(path) lists them"),
    ("pass a std::filesystem::path", "give a str or an os.PathLike"),
)


def make_error(
    message: str, code: str, code_number: int, folder: bool, reason: str, advice: str, *fields: Any
) -> Error:
    """Internal: the Python error for one of the library. ``folder``: a folder stands at the path."""
    kind = class_of(code, code_number)
    if kind is NotAFileError and folder:
        kind = IsAFolderError
    told = advice
    for words, python in _WORDS:
        told = told.replace(words, python)
    if told != advice and message.endswith(advice):
        message = message.removesuffix(advice) + told
    return kind(message, code, code_number, reason, told, *fields)
