"""Tensors of frameworks, where tensorhold itself takes arrays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

# (dtype, shape, buffer, what keeps the buffer's memory)
Parts = tuple[str, Sequence[int], Any, Any]

# Where a framework has its classes, and the adapter that knows them.
_FRAMEWORKS = (
    ("torch", ("Tensor",), "torch"),
    ("paddle", ("Tensor",), "paddle"),
    ("jax", ("Array",), "flax"),
    ("mlx.core", ("array",), "mlx"),
    ("tensorflow", ("Tensor", "Variable"), "tensorflow"),
)
_CPU = 1  # in DLPack


def parts_of(name: str, value: Any) -> Parts | None:
    """What a framework's tensor is; None for what is none. Raises what the adapter's own save raises
    of it. Tensors that do not lie row-major are packed."""
    # A framework that nobody imported has no tensors.
    for module, kinds, adapter in _FRAMEWORKS:
        found = sys.modules.get(module)
        for kind in kinds:
            known = getattr(found, kind, None)
            if isinstance(known, type) and isinstance(value, known):
                return _only(import_module(f"tensorhold.{adapter}").parts_of(name, value))
    if hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] == _CPU:
        numpy = import_module("numpy")
        return _only(import_module("tensorhold.numpy").parts_of(name, numpy.from_dlpack(value)))
    return None


def _only(entries: tuple[dict[str, tuple[str, Sequence[int], Any]], Any]) -> Parts:
    (parts,) = entries[0].values()
    return (*parts, entries[1])
