"""`safetensors.paddle`, served by `tensorhold.paddle`."""

from __future__ import annotations

# Names that this module of the reference package has because it imports them, and that programs
# take from there.
import os
import sys
from collections.abc import Iterable
from typing import Any, Dict, List, Optional, Union  # noqa: UP035

import numpy as np
import paddle

from tensorhold import paddle as _native
from tensorhold.safetensors import (
    TensorSpec,
    _arguments,
    deserialize,
    numpy,
    safe_open,
    serialize,
    serialize_file,
)
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._frameworks import device_of
from tensorhold.safetensors._raw import check_specs, check_target

_TYPES: dict[str, Any] = dict(_native._TYPES)
# As numpy holds their bytes.
NPDTYPES: dict[Any, Any] = {
    dtype: {"BF16": np.float16, "BOOL": bool, "F8_E4M3": np.uint8, "F8_E5M2": np.uint8}.get(name)
    or numpy._TYPES[name]
    for name, dtype in _TYPES.items()
}
# Not asked of paddle, which makes no tensor of some of its dtypes (uint32, uint64).
_SIZE: dict[Any, int] = {dtype: np.dtype(kind).itemsize for dtype, kind in NPDTYPES.items()}


def _getdtype(dtype_str: str) -> Any:
    return _TYPES[dtype_str]


def _np2paddle(numpy_dict: dict[str, Any], device: str = "cpu") -> dict[str, Any]:
    return {name: paddle.to_tensor(array, place=device) for name, array in numpy_dict.items()}


def _paddle2np(paddle_dict: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in paddle_dict.items()}


def _to_ndarray(tensor: Any, name: str) -> tuple[Any, Any]:
    """The tensor's bytes as an array, and the tensor on the CPU, whose bytes they are."""
    if not tensor.is_contiguous():
        raise ValueError(
            f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. It either "
            "means you are trying to save tensors which are reference of each other in which case it's "
            "recommended to save only the full tensors, and reslice at load time, or simply call "
            "`.contiguous()` on your tensor to pack it before saving."
        )
    tensor = tensor.cpu()
    nbytes = tensor.size * _SIZE[tensor.dtype]
    if not nbytes:
        return np.empty(0), 0
    import ctypes

    address = ctypes.cast(tensor.data_ptr(), ctypes.POINTER(ctypes.c_ubyte))
    return np.ctypeslib.as_array(address, (nbytes,)), tensor


def _flatten(tensors: Any, keep_alive_buffer: list[Any]) -> dict[str, TensorSpec]:
    """The tensors as serialize takes them; what must live until it has returned goes into the list."""
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, paddle.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, paddle.Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected paddle.Tensor but received {type(tensor)}"
            )
    flattened = {}
    for name, tensor in tensors.items():
        array, owner = _to_ndarray(tensor, name)
        keep_alive_buffer.append((array, owner))
        flattened[name] = TensorSpec(
            dtype=str(tensor.dtype).rpartition(".")[2],
            shape=tensor.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
    return flattened


def _view2paddle(safeview: Iterable[tuple[str, dict[str, Any]]], device: Any) -> dict[str, Any]:
    """What deserialize gives, as tensors."""
    tensors = {}
    for name, parts in safeview:
        dtype, shape = _getdtype(parts["dtype"]), parts["shape"]
        if len(parts["data"]) == 0:
            tensors[name] = paddle.empty(shape, dtype=dtype)
            continue
        tensor = paddle.base.core.frombuffer(parts["data"], dtype).reshape(shape)
        tensors[name] = tensor if device == "cpu" else tensor.to(device)
    return tensors


def _check_save(tensors: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten(tensors, []))
    _arguments.metadata(metadata)


def _check_save_file(tensors: Any, filename: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten(tensors, []))
    check_target(filename, metadata)


def _check_load_file(filename: Any, device: Any = "cpu", *, backend: Any = "mmap", **_: Any) -> None:
    safe_open(filename, "paddle", device, backend=backend)


load = as_reference(_native.load, CONTENT, __name__, numpy._check_load)
save = as_reference(_native.save, SAVING, __name__, _check_save)
save_file = as_reference(_native.save_file, SAVING, __name__, _check_save_file)
_load_file = as_reference(_native.load_file, HEADER, __name__, _check_load_file)


def load_file(
    filename: str | os.PathLike[str], device: Any = "cpu", *, backend: str = "mmap", **options: Any
) -> dict[str, Any]:
    """All tensors of a file; see tensorhold.paddle.load_file."""
    _arguments.path(filename)
    return _load_file(filename, device_of(device, "paddle"), backend=backend, **options)
