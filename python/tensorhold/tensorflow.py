"""safetensors files as TensorFlow tensors, with the functions of `safetensors.tensorflow`."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tensorhold import numpy as _numpy
from tensorhold._adapter import UnsupportedDtype
from tensorhold._through_numpy import ThroughNumpy


def _from_numpy(array: np.ndarray[Any, Any], dtype: str) -> tf.Tensor:
    try:
        return tf.convert_to_tensor(array)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UnsupportedDtype(f"TensorFlow, as installed, has no dtype for {dtype}: {error}") from None


def _to_numpy(tensor: tf.Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(tensor.numpy())


def _itemsize_of(array: tf.Tensor) -> int:
    return int(array.dtype.size)


_adapter: ThroughNumpy[tf.Tensor] = ThroughNumpy(
    types=_numpy._TYPES,
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
