"""safetensors files as TensorFlow tensors, with the functions of `safetensors.tensorflow`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tensorhold._through_numpy import ThroughNumpy

_adapter: ThroughNumpy[tf.Tensor] = ThroughNumpy(
    from_numpy=tf.convert_to_tensor, to_numpy=lambda tensor: np.asarray(tensor.numpy())
)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of

__all__ = ["load", "load_file", "save", "save_file"]
