"""What the reference package says of a header that it refuses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from tensorhold.safetensors._errors import MISALIGNED
from tensorhold.safetensors._json import Pairs, Syntax, parse, shown

_LENGTH = 8
_LIMIT = 100_000_000
_TOP = 2**64
_BITS = {
    **{"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8},
    **{"F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16},
    **{"I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64},
}


def words(source: Any) -> str | None:
    """The reference's words for what is wrong; None where it finds nothing, or the header cannot be
    read again."""
    try:
        start, size = _start_of(source)
    except (OSError, ValueError):
        return None
    if size < _LENGTH:
        return "header too small"
    length = int.from_bytes(start[:_LENGTH], "little")
    if length > _LIMIT:
        return "header too large"
    if length > size - _LENGTH:
        return "invalid header length"
    text = start[_LENGTH : _LENGTH + length]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        if "unexpected end" in error.reason:
            told = f"incomplete utf-8 byte sequence from index {error.start}"
        else:
            told = f"invalid utf-8 sequence of {error.end - error.start} bytes from index {error.start}"
        return f"invalid UTF-8 in header: {told}"
    try:
        entries = _entries(text)
    except Syntax as error:
        return f"invalid JSON in header: {error}"
    return _wrong_entries(entries, size - _LENGTH - length)


def _start_of(source: Any) -> tuple[bytes, int]:
    """The length and the header, and the size of all."""
    if not isinstance(source, (str, int, os.PathLike)):
        content = memoryview(source).cast("B")
        return bytes(content[: _LENGTH + _LIMIT]), len(content)
    file = os.open(source, os.O_RDONLY) if not isinstance(source, int) else source
    try:
        size = os.fstat(file).st_size
        place = os.lseek(file, 0, os.SEEK_CUR)
        os.lseek(file, 0, os.SEEK_SET)
        try:
            start = _read(file, _LENGTH)
            length = int.from_bytes(start, "little")
            if length <= min(_LIMIT, size):
                start += _read(file, length)
        finally:
            os.lseek(file, place, os.SEEK_SET)
    finally:
        if file is not source:
            os.close(file)
    return start, size


def _read(file: int, nbytes: int) -> bytes:
    pieces: list[bytes] = []
    while nbytes > 0 and (piece := os.read(file, nbytes)):
        pieces.append(piece)
        nbytes -= len(piece)
    return b"".join(pieces)


_Entries = dict[str, tuple[str, list[int], list[int]]]


def _entries(text: bytes) -> _Entries:
    """Dtype, shape and offsets by name. Raises Syntax for what JSON or the format forbids."""
    tensors, end, behind = parse(text)
    try:
        entries = {name: _entry(value) for name, value in tensors}
    except ValueError as error:
        raise Syntax(text, end, str(error)) from None
    if behind is not None:
        raise behind
    return entries


def _entry(value: Any) -> tuple[str, list[int], list[int]]:
    readers = {"dtype": _dtype, "shape": _shape, "data_offsets": _offsets}
    found: dict[str, Any] = {}
    if type(value) is list:
        for (field, reader), one in zip(readers.items(), value):
            found[field] = reader(one)
        if len(value) < len(readers):
            raise ValueError(f"invalid length {len(value)}, expected struct TensorInfo with 3 elements")
        if len(value) > len(readers):
            raise ValueError(f"invalid length {len(value)}, expected 3 elements in sequence")
    elif not isinstance(value, Pairs):
        raise ValueError(f"invalid type: {shown(value)}, expected struct TensorInfo")
    else:
        for field, one in value:
            if field in found:
                raise ValueError(f"duplicate field `{field}`")
            if field in readers:
                found[field] = readers[field](one)
    for field in readers:
        if field not in found:
            raise ValueError(f"missing field `{field}`")
    return found["dtype"], found["shape"], found["data_offsets"]


def _dtype(value: Any) -> str:
    if isinstance(value, Pairs):  # a variant with a value, as the reference's reader has it
        if len(value) != 1:
            raise ValueError("invalid value: map, expected map with a single key")
        value = value[0][0]
    if not isinstance(value, str):
        raise ValueError(f"invalid type: {shown(value)}, expected string or map")
    if value not in _BITS:
        known = ", ".join(f"`{name}`" for name in _BITS)
        raise ValueError(f"unknown variant `{value}`, expected one of {known}")
    return value


def _shape(value: Any) -> list[int]:
    if type(value) is not list:
        raise ValueError(f"invalid type: {shown(value)}, expected a sequence")
    return [_natural(extent) for extent in value]


def _offsets(value: Any) -> list[int]:
    if type(value) is not list:
        raise ValueError(f"invalid type: {shown(value)}, expected a tuple of size 2")
    found = [_natural(offset) for offset in value[:2]]
    if len(value) < 2:
        raise ValueError(f"invalid length {len(value)}, expected a tuple of size 2")
    if len(value) > 2:
        raise ValueError(f"invalid length {len(value)}, expected 2 elements in sequence")
    return found


def _natural(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    kind = "value" if type(value) is int else "type"
    raise ValueError(f"invalid {kind}: {shown(value)}, expected usize")


def _wrong_entries(entries: _Entries, data_bytes: int) -> str | None:
    end = 0
    for name, (dtype, shape, (begin, stop)) in sorted(entries.items(), key=lambda entry: entry[1][2]):
        if begin != end or stop < begin:
            return f"invalid offset for tensor `{name}`"
        end = stop
        bits = _product(shape, _BITS[dtype])
        if bits is None:
            return "overflow computing buffer size from shape and/or element type"
        if bits % 8:
            return MISALIGNED
        if bits // 8 != stop - begin:
            return "invalid shape, data type, or offset for tensor"
    return None if end == data_bytes else "incomplete metadata, file not fully covered"


def _product(shape: Sequence[int], bits: int) -> int | None:
    """The bits of all elements; None where a machine word cannot count them."""
    count = 1
    for extent in (*shape, bits):
        count *= extent
        if count >= _TOP:
            return None
    return count
