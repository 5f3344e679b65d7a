"""safetensors files as TensorFlow tensors, with the functions of `safetensors.tensorflow`."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tensorhold._through_numpy import ThroughNumpy


def _to_numpy(tensor: tf.Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(tensor.numpy())


_adapter: ThroughNumpy[tf.Tensor] = ThroughNumpy(
    from_numpy=tf.convert_to_tensor, to_numpy=_to_numpy
)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of

__all__ = ["load", "load_file", "save", "save_file"]
