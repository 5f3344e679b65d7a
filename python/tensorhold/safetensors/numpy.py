"""`safetensors.numpy`, served by `tensorhold.numpy`."""

from __future__ import annotations

# Names that this module of the reference package has because it imports them, and that programs
# take from there.
import os
import sys
from collections.abc import Iterable
from typing import Any, Dict, List, Optional, Union  # noqa: UP035

import numpy as np

from tensorhold import numpy as _native
from tensorhold.safetensors import (
    TensorSpec,
    _arguments,
    deserialize,
    safe_open,
    serialize,
    serialize_file,
)
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._raw import check_content, check_specs, check_target

_TYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": bool,
    "C64": np.complex64,
}


def _getdtype(dtype_str: str) -> Any:
    return _TYPES[dtype_str]


def _is_little_endian(tensor: Any) -> bool:
    """Whether the array's bytes are in the order of the format."""
    order = tensor.dtype.byteorder
    if order not in "=|<>":
        raise ValueError(f"Unexpected byte order {order}")
    return bool(order == "|" or order == "<" or order == "=" and sys.byteorder == "little")


def _flatten(tensor_dict: Any, keep_alive_buffer: list[Any]) -> dict[str, TensorSpec]:
    """The arrays as serialize takes them; copies that it needs go into the list."""
    flattened = {}
    for name, array in tensor_dict.items():
        if not _is_little_endian(array):
            array = array.byteswap(inplace=False)
            keep_alive_buffer.append(array)
        flattened[name] = TensorSpec(
            dtype=array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
    return flattened


def _view2np(safeview: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """What deserialize gives, as arrays."""
    return {
        name: np.frombuffer(parts["data"], _getdtype(parts["dtype"])).reshape(parts["shape"])
        for name, parts in safeview
    }


def _check_save(tensor_dict: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten(tensor_dict, []))
    _arguments.metadata(metadata)


def _check_save_file(tensor_dict: Any, filename: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten(tensor_dict, []))
    check_target(filename, metadata)


def _check_load(data: Any, *_: Any, **__: Any) -> None:
    check_content(data)


def _check_load_file(filename: Any, *, backend: Any = "mmap", **_: Any) -> None:
    safe_open(filename, "np", backend=backend)


load = as_reference(_native.load, CONTENT, __name__, _check_load)
load_file = as_reference(_native.load_file, HEADER, __name__, _check_load_file)
save = as_reference(_native.save, SAVING, __name__, _check_save)
save_file = as_reference(_native.save_file, SAVING, __name__, _check_save_file)
