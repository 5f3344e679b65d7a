"""`safetensors.tensorflow`, served by `tensorhold.tensorflow`."""

from __future__ import annotations

# Names that this module of the reference package has because it imports them, and that programs
# take from there.
import os
from typing import Any, Dict, Optional, Union  # noqa: UP035

import tensorflow as tf
import numpy as np

from tensorhold import tensorflow as _native
from tensorhold.safetensors import numpy, safe_open
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference


def _np2tf(numpy_dict: dict[str, Any]) -> dict[str, Any]:
    return {name: tf.convert_to_tensor(array) for name, array in numpy_dict.items()}


def _tf2np(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: array.numpy() for name, array in arrays.items()}


def _check_save(tensors: Any, metadata: Any = None, **_: Any) -> None:
    numpy._check_save(_tf2np(tensors), metadata)


def _check_save_file(tensors: Any, filename: Any, metadata: Any = None, **_: Any) -> None:
    numpy._check_save_file(_tf2np(tensors), filename, metadata)


load = as_reference(_native.load, CONTENT, __name__, numpy._check_load)
load_file = as_reference(_native.load_file, HEADER, __name__, numpy._check_load_file)
save = as_reference(_native.save, SAVING, __name__, _check_save)
save_file = as_reference(_native.save_file, SAVING, __name__, _check_save_file)
