"""safetensors files as jax arrays, with the functions of `safetensors.flax`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from tensorhold._through_numpy import ThroughNumpy


def _from_numpy(array: np.ndarray[Any, Any]) -> Array:
    # A copy first: jax reads what it is given later, in threads of its own, and lets go of it later
    # still, when the file may have changed.
    return jnp.asarray(np.array(array))


_adapter: ThroughNumpy[Array] = ThroughNumpy(from_numpy=_from_numpy, to_numpy=np.asarray)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of

__all__ = ["load", "load_file", "save", "save_file"]
