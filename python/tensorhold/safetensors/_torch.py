"""What is behind `safetensors.torch`: the functions with the reference's errors, what programs take
from there besides, and the reference's checks of what is to be saved, in its order and its words.
Those are made when tensorhold has refused a save."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Dict, List, Optional, Set, Tuple, Union  # noqa: UP035

import torch

from tensorhold import torch as _native
from tensorhold.safetensors import (
    TensorSpec,
    _arguments,
    deserialize,
    safe_open,
    serialize,
    serialize_file,
)
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._frameworks import device_of
from tensorhold.safetensors._open import check_pairs
from tensorhold.safetensors._raw import check_content, check_specs, check_target
from tensorhold.torch import _find_shared_tensors, storage_ptr, storage_size

_float8_e4m3fn = getattr(torch, "float8_e4m3fn", None)
_float8_e4m3fnuz = getattr(torch, "float8_e4m3fnuz", None)
_float8_e5m2 = getattr(torch, "float8_e5m2", None)
_float8_e5m2fnuz = getattr(torch, "float8_e5m2fnuz", None)
_float8_e8m0 = getattr(torch, "float8_e8m0fnu", None)
_float4_e2m1_x2 = getattr(torch, "float4_e2m1fn_x2", None)

_TYPES: dict[str, torch.dtype] = _native._TYPES
# Bytes of one element.
_SIZE: dict[torch.dtype, int] = {dtype: dtype.itemsize for dtype in _TYPES.values()}


def _getdtype(dtype_str: str) -> torch.dtype:
    return _TYPES[dtype_str]


def _end_ptr(tensor: torch.Tensor) -> int:
    _SIZE[tensor.dtype]
    return _native._end_ptr(tensor)


def _is_complete(tensor: torch.Tensor) -> bool:
    nbytes = tensor.nelement() * _SIZE[tensor.dtype]
    return tensor.data_ptr() == storage_ptr(tensor) and nbytes == storage_size(tensor)


def _filter_shared_not_shared(
    tensors: Iterable[set[str]], state_dict: Mapping[str, torch.Tensor]
) -> list[set[str]]:
    """The groups of names, each split where its tensors do not overlap in memory."""
    found: list[set[str]] = []
    for names in tensors:
        found += _find_shared_tensors({name: state_dict[name] for name in names})
    return found


def _remove_duplicate_names(
    state_dict: Mapping[str, torch.Tensor],
    *,
    preferred_names: Iterable[str] | None = None,
    discard_names: Iterable[str] | None = None,
) -> dict[str, list[str]]:
    """For each name to be saved, the names to leave out because they share its memory; see
    tensorhold.torch."""
    try:
        return _native._remove_duplicate_names(
            state_dict, preferred_names=preferred_names, discard_names=discard_names
        )
    except RuntimeError as error:
        _check_complete(state_dict, error)
        raise


def _check_complete(state_dict: Mapping[str, torch.Tensor], cause: Exception | None = None) -> None:
    for shared in _find_shared_tensors(state_dict):
        if not any(_is_complete(state_dict[name]) for name in shared):
            raise RuntimeError(
                "Error while trying to find names to remove to save state dict, but found no suitable "
                f"name to keep for saving amongst: {shared}. None is covering the entire storage."
                "Refusing to save/load the model since you could be storing much more memory than "
                "needed. Please refer to https://huggingface.co/docs/safetensors/torch_shared_tensors "
                "for more information. Or open an issue."
            ) from cause


def _evaluate_tensors_for_save(tensors: Any) -> None:
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}"
            )
    sparse = [name for name, tensor in tensors.items() if tensor.layout != torch.strided]
    if sparse:
        raise ValueError(
            f"You are trying to save a sparse tensors: `{sparse}` which this library does not support. "
            "You can make it a dense tensor before saving with `.to_dense()` but be aware this might "
            "make a much larger file than needed."
        )
    shared = [names for names in _find_shared_tensors(tensors) if len(names) > 1]
    if shared:
        raise RuntimeError(
            "\n            Some tensors share memory, this will lead to duplicate memory on disk and "
            f"potential differences when loading them again: {shared}.\n"
            "            A potential way to correctly save your model is to use `save_model`.\n"
            "            More information at "
            "https://huggingface.co/docs/safetensors/torch_shared_tensors\n            "
        )


def _to_ndarray(tensor: torch.Tensor) -> tuple[Any, Any]:
    """The tensor's bytes as an array, and the tensor on the CPU, whose bytes they are."""
    import numpy as np

    if tensor.device.type != "cpu":
        tensor = tensor.to("cpu")
    nbytes = tensor.nelement() * _SIZE[tensor.dtype]
    address = tensor.data_ptr()
    if address == 0:
        return np.empty(0), 0
    data = np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_ubyte)), (nbytes,))
    if sys.byteorder == "big":
        data = data.view(f"u{_SIZE[tensor.dtype]}").byteswap(inplace=False)
    return data, tensor


def _flatten_as_ptr(tensors: Any, keep_alive_buffer: list[Any]) -> dict[str, TensorSpec]:
    """The tensors as serialize takes them; what must live until it has returned goes into the list."""
    _evaluate_tensors_for_save(tensors)
    flattened = {}
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. It "
                "either means you are trying to save tensors which are reference of each other in "
                "which case it's recommended to save only the full tensors, and reslice at load time, "
                "or simply call `.contiguous()` on your tensor to pack it before saving."
            )
        array, owner = _to_ndarray(tensor)
        keep_alive_buffer.append((array, owner))
        flattened[name] = TensorSpec(
            dtype=str(tensor.dtype).rpartition(".")[2],
            shape=tensor.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
    return flattened


def _view2torch(safeview: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, torch.Tensor]:
    """What deserialize gives, as tensors."""
    tensors = {}
    for name, parts in safeview:
        dtype, shape = _getdtype(parts["dtype"]), parts["shape"]
        if len(parts["data"]) == 0:
            tensors[name] = torch.empty(shape, dtype=dtype)
            continue
        tensor = torch.frombuffer(parts["data"], dtype=dtype).reshape(shape)
        if sys.byteorder == "big":
            tensor = torch.from_numpy(tensor.numpy().byteswap(inplace=False))
        tensors[name] = tensor
    return tensors


def _check_save(tensors: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten_as_ptr(tensors, []))
    _arguments.metadata(metadata)


def _check_save_file(tensors: Any, filename: Any, metadata: Any = None, **_: Any) -> None:
    check_specs(_flatten_as_ptr(tensors, []))
    check_target(filename, metadata)


def _check_save_model(
    model: Any, filename: Any, metadata: Any = None, force_contiguous: bool = True, **_: Any
) -> None:
    state = model.state_dict()
    notes = dict(metadata) if isinstance(metadata, dict) else {}
    for kept, names in _remove_duplicate_names(state).items():
        for name in names:
            notes.setdefault(name, kept)
            del state[name]
    if force_contiguous:
        state = {name: tensor.contiguous() for name, tensor in state.items()}
    try:
        _check_save_file(state, filename, notes if metadata is None or notes else metadata)
    except ValueError as error:
        raise ValueError(
            f"{error} Or use save_model(..., force_contiguous=True), read the docs for potential caveats."
        ) from None


def _check_load(data: Any, **_: Any) -> None:
    check_content(data)


def _check_load_file(filename: Any, device: Any = "cpu", *, backend: Any = "mmap", **_: Any) -> None:
    with safe_open(filename, "pt", device, backend=backend) as file:
        for part in map(file.get_slice, file.keys()):
            check_pairs(part.get_dtype(), part.get_shape())


def _check_load_model(
    model: Any, filename: Any, strict: Any = True, device: Any = "cpu", **options: Any
) -> None:
    _check_load_file(filename, device, **options)
    _remove_duplicate_names(model.state_dict())


def device_for(filename: Any, device: Any) -> Any:
    """The device, looked at after the path, as the reference does it."""
    _arguments.path(filename)
    return device_of(device, "torch")


load = as_reference(_native.load, CONTENT, __name__, _check_load)
save = as_reference(_native.save, SAVING, __name__, _check_save)
save_file = as_reference(_native.save_file, SAVING, __name__, _check_save_file)
save_model = as_reference(_native.save_model, SAVING, __name__, _check_save_model)
load_file = as_reference(_native.load_file, HEADER, __name__, _check_load_file)
load_model = as_reference(_native.load_model, HEADER, __name__, _check_load_model)
