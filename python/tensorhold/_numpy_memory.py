"""Whether an array's memory is still there."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorhold.errors import TensorError

try:
    from numpy.lib.array_utils import byte_bounds
except ImportError:  # numpy before 2
    from numpy import byte_bounds  # type: ignore[attr-defined, no-redef]


def require_memory(name: str, array: Any) -> None:
    """TensorError, with the name, for a view of memory that was made smaller or moved since."""
    if getattr(array, "base", None) is None or array.size == 0:
        return
    begin, end = byte_bounds(array)
    base = array.base
    # numpy's as_strided puts an object of its own between.
    while isinstance(base, np.ndarray) or type(base).__name__ == "DummyArray":
        if isinstance(base, np.ndarray) and base.base is None:
            return _require(name, begin, end, *byte_bounds(base))
        base = base.base
    storage = getattr(base, "untyped_storage", None)  # of a torch tensor
    if storage is not None:
        memory = storage()
        address = memory.data_ptr()
        _require(name, begin, end, address, address + memory.nbytes())


def _require(name: str, begin: int, end: int, held: int, held_end: int) -> None:
    if begin < held or end > held_end:
        raise TensorError(
            f"tensor `{name}` needs {end - begin} bytes of memory that was given back or made smaller "
            f"since: {max(0, min(end, held_end) - max(begin, held))} of them are left. Save the array that it "
            "is a view of, or copy the view before that is resized.",
            tensor=name,
        )
