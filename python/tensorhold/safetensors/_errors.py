"""Errors as the reference package words them, with tensorhold's own words behind."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tensorhold._adapter import UnsupportedDtype
from tensorhold.errors import Error, NotFoundError


class SafetensorError(Exception):
    """What the drop-in raises where the reference package raises its SafetensorError. The cause
    (`__cause__`) is a tensorhold.Error, where there is one."""


class SafetensorIndexError(SafetensorError, IndexError):
    """An index or a slice that a tensor does not have."""


class SafetensorDtypeError(SafetensorError, KeyError):
    """A dtype that the format does not have."""

    __str__ = Exception.__str__


_FORMAT = {
    "not_safetensors": "header too large",  # read as a length, the first bytes of any text are
    "header_too_small": "header too small",
    "header_too_large": "header too large",
    "header_truncated": "invalid header length",
    "invalid_utf8": "invalid UTF-8 in header",
    "invalid_json": "invalid JSON in header",
    "duplicate_name": "invalid JSON in header",
    "invalid_metadata": "invalid JSON in header",
    "invalid_entry": "invalid JSON in header",
    "unknown_dtype": "invalid JSON in header: unknown variant",
    "shape_overflow": "overflow computing buffer size from shape and/or element type",
    "size_mismatch": "invalid shape, data type, or offset for tensor",
    "partial_byte": "The slice is slicing for subbytes dtypes, and the slice does not end up at a "
    "byte boundary, this is invalid.",
    "invalid_offsets": "invalid offset for tensor",
    "data_truncated": "incomplete metadata, file not fully covered",
    "trailing_bytes": "incomplete metadata, file not fully covered",
    "sharded_model": "header too large",
}
_HEADER_LIMIT = 100_000_000
_UNKNOWN_DTYPE = "dtype not understood"
_UNKNOWN_INDEX = "Unsupported slice index"


def translated(error: Error, action: str) -> Exception:
    """The error that the reference package would raise; `error` itself where that is as good."""
    if error.code in _FORMAT:
        words = _FORMAT[error.code]
        if error.reason == "the file is empty":
            words = _FORMAT["header_too_small"]
        length = re.search(r"header has (\d+) bytes", error.reason)
        if length and int(length[1]) > _HEADER_LIMIT:
            words = _FORMAT["header_too_large"]
        if error.code == "invalid_offsets" and error.tensor:
            words += f" `{error.tensor}`"
        return SafetensorError(f"Error while {action}: {words} ({error})")
    if error.code == "tensor_not_found":
        return SafetensorError(f"File does not contain tensor {error.tensor} ({error})")
    if error.code == "closed":
        return SafetensorError(f"File is closed ({error})")
    if error.code == "invalid_slice":
        words = "" if error.reason.startswith(_UNKNOWN_INDEX) else "Error during slicing: "
        return SafetensorIndexError(f"{words}{error}")
    if isinstance(error, UnsupportedDtype):
        return SafetensorDtypeError(str(error))
    if error.code == "unsupported" and error.reason.startswith(_UNKNOWN_DTYPE):
        return SafetensorError(f"D{error.reason[1:]} ({error})")
    if action == "serializing":
        kind = "I/O error: " if isinstance(error, OSError) else ""
        return SafetensorError(f"Error while {action}: {kind}{error}")
    if isinstance(error, NotFoundError):
        fields = error.__reduce__()[1][1:]
        return NotFoundError(f"No such file or directory: {error.path} ({error})", *fields)
    if isinstance(error, (OSError, MemoryError)):
        return error
    return SafetensorError(str(error))


@contextmanager
def reference_errors(action: str) -> Iterator[None]:
    """Raises the reference package's errors for tensorhold's."""
    try:
        yield
    except Error as error:
        other = translated(error, action)
        if other is error:
            raise
        raise other from error


_Function = TypeVar("_Function", bound=Callable[..., Any])


def as_reference(function: _Function, action: str, module: str) -> _Function:
    """The function, with the reference package's errors, for a module that has it by the same name."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        with reference_errors(action):
            return function(*arguments, **options)

    # Where pickle finds it.
    wrapper.__module__, wrapper.__qualname__ = module, wrapper.__name__
    return wrapper  # type: ignore[return-value]


HEADER = "deserializing header"
CONTENT = "deserializing"
SAVING = "serializing"
