"""safetensors files as jax arrays, with the functions of `safetensors.flax`.

Without `jax_enable_x64` jax keeps 64-bit types in 32 bits, which changes values: loading them is an
error, unless `narrowing="accept"`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from tensorhold import numpy as _numpy
from tensorhold._through_numpy import ThroughNumpy


def _from_numpy(array: np.ndarray[Any, Any], _: str) -> Array:
    # A copy first: jax reads what it is given later, in threads of its own, and lets go of it later
    # still, when the file may have changed.
    return jnp.asarray(np.array(array))


def _itemsize_of(array: Array) -> int:
    return int(array.dtype.itemsize)


_adapter: ThroughNumpy[Array] = ThroughNumpy(
    types=_numpy._TYPES,
    from_numpy=_from_numpy,
    to_numpy=np.asarray,
    itemsize_of=_itemsize_of,
    advice='Call jax.config.update("jax_enable_x64", True) before jax is used. ',
)
# As the reference package, which changes values, but not without a word.
_as_reference = _adapter.with_narrowing("warn")

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
part_of = _adapter.part_of
parts_of = _adapter.parts_of

__all__ = ["load", "load_file", "save", "save_file"]
