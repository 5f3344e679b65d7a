"""Arguments as the reference package takes and refuses them."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any

_TOP = 2**64


def refused(argument: str, value: Any, wanted: str) -> TypeError:
    kind = "'None'" if value is None else f"'{type(value).__name__}' object"
    return TypeError(f"argument '{argument}': {kind} is not an instance of '{wanted}'")


def text(argument: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refused(argument, value, "str")
    value.encode()
    return value


def path(value: Any) -> str:
    try:
        found = os.fspath(value)
    except TypeError as error:
        raise TypeError(f"argument 'filename': {error}") from None
    if not isinstance(found, str):
        raise refused("filename", found, "str")
    return found


def is_no_path(path: str) -> bool:
    """Whether no system takes it for the path of a file."""
    return not path or "\0" in path


def metadata(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise refused("metadata", value, "dict")
    for pair in value.items():
        for part in pair:
            text("metadata", part)


def natural(argument: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError as error:
        raise TypeError(f"argument '{argument}': {error}") from None
    return in_range(number)


def in_range(number: int) -> int:
    if number < 0:
        raise OverflowError("can't convert negative int to unsigned")
    if number >= _TOP:
        raise OverflowError("int too big to convert")
    return number


def shape(value: Any) -> list[int]:
    if isinstance(value, str):
        raise TypeError("argument 'shape': Can't extract `str` to `Vec`")
    if not isinstance(value, Sequence) and not hasattr(value, "__array_interface__"):
        raise refused("shape", value, "Sequence")
    return [natural("shape", extent) for extent in value]


def content(value: Any) -> None:
    if not isinstance(value, bytes):
        try:
            memoryview(value)
        except TypeError:
            raise refused("bytes", value, "bytes") from None
