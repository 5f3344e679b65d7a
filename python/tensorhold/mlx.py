"""safetensors files as mlx arrays, with the functions of `safetensors.mlx`."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from tensorhold import numpy as _numpy
from tensorhold._adapter import UnsupportedDtype
from tensorhold._through_numpy import ThroughNumpy


def _to_numpy(array: mx.array) -> np.ndarray[Any, Any]:
    # mlx exports bfloat16 through no protocol that numpy knows.
    if isinstance(array, mx.array) and array.dtype == mx.bfloat16:
        if "BF16" not in _numpy._TYPES:
            raise UnsupportedDtype("bfloat16 takes the package ml_dtypes, which is not installed")
        return np.asarray(array.view(mx.uint16)).view(_numpy._TYPES["BF16"])
    return np.asarray(array)


_adapter: ThroughNumpy[mx.array] = ThroughNumpy(from_numpy=mx.array, to_numpy=_to_numpy)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of

__all__ = ["load", "load_file", "save", "save_file"]
