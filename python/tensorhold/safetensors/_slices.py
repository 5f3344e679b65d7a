"""The indices that the reference package takes for tensors of numpy, and its words for others."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Optional

from tensorhold.safetensors._arguments import in_range
from tensorhold.safetensors._errors import MISALIGNED, SafetensorError

_Range = tuple[Optional[int], Optional[int], int]
_WHOLE: _Range = (None, None, 1)


def is_plain(index: Any, shape: Sequence[int]) -> bool:
    """Whether the index is of the common kind that needs no closer look: integers and ranges within
    the shape."""
    parts = index if type(index) is tuple else (index,)
    if len(parts) > len(shape):
        return False
    for part, extent in zip(parts, shape):
        if type(part) is int:
            if not -extent <= part < extent:
                return False
        elif type(part) is not slice or not _is_within(part.start, part.stop, part.step, extent):
            return False
    return True


def _is_within(begin: Any, stop: Any, step: Any, extent: int) -> bool:
    return (
        (begin is None or type(begin) is int and 0 <= begin < extent)
        and (stop is None or type(stop) is int and 0 < stop <= extent)
        and (step is None or type(step) is int and step > 0)
    )


def check_index(index: Any, shape: Sequence[int], whole_bytes: bool = True) -> None:
    """Refuses what the reference refuses, but for arrays and booleans: those are numpy's. Without
    `whole_bytes` the part has been refused because its bytes are no whole number."""
    if any(map(_is_array, index if isinstance(index, tuple) else (index,))):
        return
    if isinstance(index, list):
        if index:
            raise SafetensorError("Non empty lists are not implemented")
        return
    ranges = _ranges(index if isinstance(index, tuple) else (index,), shape)
    asked = ", ".join(map(_shown, ranges))
    told = f"Error during slicing [{asked}] with shape {list(shape)}: "
    if len(ranges) > len(shape):
        raise SafetensorError(told + "more slicing indexes than dimensions in tensor")
    for axis in reversed(range(len(ranges))):
        extent = shape[axis]
        found = ranges[axis]
        begin, stop, _ = (found, found + 1, 1) if isinstance(found, int) else found
        begin, stop = begin or 0, extent if stop is None else stop
        if found != _WHOLE and (begin >= extent or stop > extent):
            beyond = begin if begin >= extent else max(stop - 1, 0)
            raise SafetensorError(
                f"{told}index {beyond} out of bounds for tensor dimension #{axis} of size {extent}"
            )
    if not whole_bytes:
        raise SafetensorError(told + MISALIGNED)


def _ranges(parts: Sequence[Any], shape: Sequence[int]) -> list[int | _Range]:
    """An integer or a range for each axis that the index names."""
    ranges: list[int | _Range] = []
    dots = False
    for place, part in enumerate(parts):
        extent = shape[len(ranges)] if len(ranges) < len(shape) else 0
        if part is ... and dots:
            raise SafetensorError("Only one ellipsis (...) is allowed in slice index")
        if part is ...:
            dots = True
            ranges += [_WHOLE] * max(len(shape) - (len(parts) - 1), 0)
        elif isinstance(part, slice) or _is_integer(part):
            ranges.append(_range_of(part, len(ranges), extent))
        else:
            raise SafetensorError(
                f"Unsupported slice index at position {place}: expected slice, int, or ellipsis"
            )
    return ranges


def _is_array(part: Any) -> bool:
    return isinstance(part, bool) or bool(getattr(part, "shape", ()))


def _is_integer(part: Any) -> bool:
    try:
        return -(2**31) <= operator.index(part) < 2**31
    except TypeError:
        return False


def _range_of(part: Any, axis: int, extent: int) -> int | _Range:
    if not isinstance(part, slice):
        place = operator.index(part)
        if place < 0 and place + extent < 0:
            raise SafetensorError(f"Invalid index {place} for dimension {axis} of size {extent}")
        return place + extent if place < 0 else place
    begin, stop = (
        None if bound is None else in_range(operator.index(bound)) for bound in (part.start, part.stop)
    )
    step = 1 if part.step is None else operator.index(part.step)
    if step < 1:
        raise SafetensorError(f"Slice step must be a positive integer, got {step}")
    return begin, stop, step


def _shown(found: int | _Range) -> str:
    if isinstance(found, int):
        return str(found)
    begin, stop, step = ("" if bound is None else str(bound) for bound in found)
    return f"{begin}:{stop}" + (f":{step}" if step != "1" else "")
