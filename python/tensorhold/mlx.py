"""safetensors files as mlx arrays, with the functions of `safetensors.mlx`.

mlx has no 8-bit floats: F8_E4M3 and F8_E8M0 are loaded as the uint8 of their bytes, as `mlx.core.load`
does. F64 stays float64, which mlx computes with on the CPU only.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from tensorhold import numpy as _numpy
from tensorhold._adapter import UnsupportedDtype
from tensorhold._through_numpy import ThroughNumpy

# Integers, of which those that numpy or mlx would convert are made anew by the bits.
_TYPES: dict[str, np.dtype[Any]] = {
    name: dtype for name, dtype in _numpy._TYPES.items() if name not in _numpy._ML_DTYPES
}
_TYPES |= {
    "BF16": np.dtype(np.uint16),
    "F64": np.dtype(np.uint64),
    "F8_E4M3": np.dtype(np.uint8),
    "F8_E8M0": np.dtype(np.uint8),
}
_VIEWED = {"BF16": mx.bfloat16, "F64": mx.float64}


def _from_numpy(array: np.ndarray[Any, Any], dtype: str) -> mx.array:
    made = mx.array(array)
    # On the CPU, because no other device takes float64.
    return mx.view(made, _VIEWED[dtype], stream=mx.cpu) if dtype in _VIEWED else made


def _to_numpy(array: mx.array) -> np.ndarray[Any, Any]:
    # mlx exports bfloat16 through no protocol that numpy knows.
    if isinstance(array, mx.array) and array.dtype == mx.bfloat16:
        if "BF16" not in _numpy._TYPES:
            raise UnsupportedDtype("bfloat16 takes the package ml_dtypes, which is not installed")
        return np.asarray(array.view(mx.uint16)).view(_numpy._TYPES["BF16"])
    return np.asarray(array)


def _itemsize_of(array: mx.array) -> int:
    return int(array.dtype.size)


_adapter: ThroughNumpy[mx.array] = ThroughNumpy(
    types=_TYPES,
    from_numpy=_from_numpy,
    to_numpy=_to_numpy,
    itemsize_of=_itemsize_of,
)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of
parts_of = _adapter.parts_of

__all__ = ["load", "load_file", "save", "save_file"]
