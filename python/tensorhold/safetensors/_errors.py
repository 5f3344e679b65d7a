"""Errors as the reference package has them: its types and its words. What tensorhold says more stands
in the error's notes, in its `advice`, and in its cause. This is the one place that translates."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tensorhold._adapter import UnsupportedDtype
from tensorhold.errors import DeniedError, Error, NotFoundError


class SafetensorError(Exception):
    """What the drop-in raises where the reference package raises its SafetensorError. The cause
    (`__cause__`) is a tensorhold.Error, where there is one."""

    advice: str = ""


class _Denied(DeniedError, NotFoundError):
    """A file that the system does not let open: the reference package says that there is none."""


# Paths that no file can have, of which it says the same.
_NO_SUCH_PATH = (errno.ENAMETOOLONG, errno.ELOOP)


# The reference's words for what is wrong with a header.
_HEADER = {
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
    "data_truncated": "incomplete metadata, file not fully covered",
    "trailing_bytes": "incomplete metadata, file not fully covered",
    "sharded_model": "header too large",
}
MISALIGNED = _HEADER["partial_byte"]


def quoted(text: str) -> str:
    """The text as the reference's language shows it."""
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + shown.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def not_understood(dtype: str) -> SafetensorError:
    return SafetensorError(f"Dtype not understood: {dtype}")


def with_notes(told: Exception, error: BaseException) -> Exception:
    """`told`, with all that `error` says and it does not."""
    if isinstance(told, SafetensorError) and isinstance(error, Error):
        told.advice = error.advice
    if str(error) != str(told) and hasattr(told, "add_note"):  # Python 3.11
        told.add_note(str(error))
    return told


def translated(error: Error, action: str, source: Any = None) -> Exception:
    """The error that the reference package would raise. `source` is what was opened, where that is
    known: its header is read once more to say what is wrong with it in the same words."""
    told = _told(error, action, source)
    return error if told is None else with_notes(told, error)


def _told(error: Error, action: str, source: Any) -> Exception | None:
    if error.code in _HEADER or error.code == "invalid_offsets":
        return SafetensorError(f"Error while {action}: {_header_words(error, action, source)}")
    if error.code == "tensor_not_found":
        return SafetensorError(f"File does not contain tensor {error.tensor}")
    if error.code == "closed":
        return SafetensorError("File is closed")
    if isinstance(error, UnsupportedDtype):
        return None
    if error.code == "unsupported" and error.reason.startswith("dtype not understood"):
        dtype = error.reason.rpartition(" ")[2]
        return KeyError(dtype) if action == CONTENT else not_understood(dtype)
    if action == SAVING:
        return _not_saved(error)
    fields = error.__reduce__()[1][1:]
    if isinstance(error, NotFoundError) or error.os_error in _NO_SUCH_PATH:
        return NotFoundError(f"No such file or directory: {error.path}", *fields)
    if isinstance(error, DeniedError):
        return _Denied(str(error), *fields)
    if isinstance(error, (OSError, MemoryError)):
        return None
    return SafetensorError(str(error))


def _header_words(error: Error, action: str, source: Any) -> str:
    if action != SAVING:
        from tensorhold.safetensors._header import words

        found = words(error.path if source is None else source)
        if found:
            return found
    if error.code == "invalid_offsets":
        return f"invalid offset for tensor `{error.tensor}`"
    return _HEADER[error.code]


def _not_saved(error: Error) -> Exception | None:
    if isinstance(error, MemoryError):
        return None
    number = getattr(error, "errno", 0) or error.os_error
    return SafetensorError(f"Error while {SAVING}: {system_words(number) if number else error}")


def system_words(number: int) -> str:
    return f"I/O error: {os.strerror(number)} (os error {number})"


@contextmanager
def reference_errors(action: str, source: Any = None) -> Iterator[None]:
    """Raises the reference package's errors for tensorhold's."""
    try:
        yield
    except Error as error:
        told = translated(error, action, source)
        if told is error:
            raise
        raise told from error


def replayed(error: Exception, action: str, checks: Callable[[], object]) -> Exception:
    """The error that the reference package would raise where `error` was raised. `checks` makes its
    checks of the arguments, in its order and its words, and is called only now: arguments that pass
    cost nothing."""
    if not isinstance(error, (OSError, MemoryError)):  # those come when all checks have passed
        try:
            checks()
        except Exception as told:
            return with_notes(told, error)
    return translated(error, action) if isinstance(error, Error) else error


def _passes(*_: Any, **__: Any) -> None:
    """No checks of its own."""


_Function = TypeVar("_Function", bound=Callable[..., Any])
_Checks = Callable[..., object]


def as_reference(
    function: _Function, action: str, module: str, checks: _Checks | None = None
) -> _Function:
    """The function, with the reference package's errors, for a module that has it by the same name.
    `checks` takes the same arguments; see replayed."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Exception as error:
            by_the_call = error.__traceback__ is not None and error.__traceback__.tb_next is None
            if by_the_call or checks is None and not isinstance(error, Error):
                raise
            told = replayed(error, action, functools.partial(checks or _passes, *arguments, **options))
            if told is error:
                raise
            raise told from error

    # Where pickle finds it.
    wrapper.__module__, wrapper.__qualname__ = module, wrapper.__name__
    return wrapper  # type: ignore[return-value]


HEADER = "deserializing header"
CONTENT = "deserializing"
SAVING = "serializing"
