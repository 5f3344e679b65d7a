"""What the adapters of all frameworks share: arguments, metadata, names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from tensorhold.errors import ArgumentError, UnsupportedError

Access = Literal["automatic", "mapped", "owned"]
_BACKENDS: dict[str, Access] = {"mmap": "automatic", "pread": "owned"}


class UnsupportedDtype(UnsupportedError, KeyError):
    """A framework's dtype that the format does not have."""

    def __init__(self, message: str, *fields: Any) -> None:
        super().__init__(message, *(fields or ("unsupported", 4)))


def access_of(access: Access | None, backend: str) -> Access:
    """The access to open with: as asked, or what the reference package's `backend` comes to."""
    if backend not in _BACKENDS:
        raise ArgumentError(f'backend "{backend}" is invalid (expected one of: "mmap", "pread")')
    return _BACKENDS[backend] if access is None else access


def path_of(filename: Any) -> str:
    """A path as str; TypeError for anything else, bytes included, which `open` would take for the
    content of a file."""
    path = os.fspath(filename)
    if not isinstance(path, str):
        raise _wrong_type("filename", path, "str")
    return path


def content_of(data: Any) -> bytes | memoryview:
    """The content of a file, as bytes or as a view of them."""
    if isinstance(data, bytes):
        return data
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise _wrong_type("bytes", data, "bytes") from None


def checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """A copy; TypeError or UnicodeEncodeError for what is no text."""
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise _wrong_type("metadata", metadata, "dict")
    for pair in metadata.items():
        for text in pair:
            if not isinstance(text, str):
                raise _wrong_type("metadata", text, "str")
            text.encode()
    return dict(metadata)


def checked_name(name: Any) -> str:
    """The name; TypeError or UnicodeEncodeError where it is no text."""
    if not isinstance(name, str):
        raise _wrong_type("tensor_dict", name, "str")
    name.encode()
    return name


def _wrong_type(argument: str, value: Any, wanted: str) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"argument '{argument}': '{kind}' object is not an instance of '{wanted}'")
