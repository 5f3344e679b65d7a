"""safetensors files as PaddlePaddle tensors, with the functions of `safetensors.paddle`.

Loaded tensors are not copied. They may be written: their pages are private to the process and never
reach the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import paddle

from tensorhold import _core
from tensorhold._adapter import Refused, UnsupportedDtype, checked_name, copies, flatten_advice
from tensorhold._through_dlpack import Entries, ThroughDlpack

__all__ = ["load", "load_file", "save", "save_file"]

# Dtypes by their names in a file. What paddle calls uint16 is its bfloat16.
_TYPES: dict[str, Any] = {
    name: getattr(paddle, attribute)
    for name, attribute in {
        "BOOL": "bool",
        "U8": "uint8",
        "I8": "int8",
        "I16": "int16",
        "U32": "uint32",
        "I32": "int32",
        "U64": "uint64",
        "I64": "int64",
        "F16": "float16",
        "BF16": "bfloat16",
        "F32": "float32",
        "F64": "float64",
        "C64": "complex64",
        "F8_E4M3": "float8_e4m3fn",
        "F8_E5M2": "float8_e5m2",
    }.items()
    if hasattr(paddle, attribute)
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def _moved(tensor: paddle.Tensor, device: Any) -> paddle.Tensor:
    return tensor.to(device)  # a function that does not pickle


def part_of(tensor: _core.Tensor, index: Any, device: Any = "cpu") -> paddle.Tensor:
    """`tensor[index]` as a tensor of its own. Indices that only paddle knows read all of the tensor
    first."""
    try:
        part = tensor[index]
    except TypeError:
        made = tensor_of(tensor.copy())[index].clone()
        return made if device in (None, "cpu") else made.to(device)
    return tensor_of(part, device)


def _entries(tensors: Mapping[str, paddle.Tensor], _: Refused, contiguous: Refused) -> Entries:
    """What `tensorhold.save` takes, and the tensors that must live until it is done."""
    packed = copies("contiguous", contiguous)
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, paddle.Tensor] but received {type(tensors)}")
    entries, kept = {}, []
    for name, tensor in tensors.items():
        if not isinstance(tensor, paddle.Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected paddle.Tensor but received {type(tensor)}"
                + flatten_advice(tensor)
            )
        _require_values(name, tensor)
        if not tensor.is_dense():
            raise ValueError(f"Tensor `{name}` is sparse; `.to_dense()` makes it one that can be saved")
        if not tensor.is_contiguous() and not packed:
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. Save "
                "the tensor that it is a view of and slice it after loading, or pack it with "
                "`.contiguous()`, or with `contiguous=\"copy\"` here."
            )
        dtype = _NAMES.get(tensor.dtype)
        if dtype is None:
            raise UnsupportedDtype(f"{tensor.dtype} of tensor `{name}` has no safetensors dtype")
        tensor = tensor.cpu().contiguous()
        kept.append(tensor)
        nbytes = tensor.size * tensor.element_size()
        memory = _core._memory(tensor.data_ptr() if nbytes else 0, nbytes)
        entries[checked_name(name)] = (dtype, list(tensor.shape), memory)
    return entries, kept


def _require_values(name: str, tensor: paddle.Tensor) -> None:
    """Raises, with the name, for a tensor whose memory was never had, or was given back."""
    if tensor.is_sparse() or 0 in tensor.shape:
        return
    # First: of a tensor without memory paddle cannot tell the rest, and ends the process.
    if not tensor._is_initialized():
        raise ValueError(
            f"Tensor `{name}` has no memory: it was given back, or the tensor was never initialised. Load "
            "it first, or leave it out."
        )
    needed, held = math.prod(tensor.shape) * tensor.element_size(), tensor._holder_size()
    if held < needed:
        raise ValueError(
            f"Tensor `{name}` needs {needed} bytes, and its memory holds {held} of them. Load it first, or "
            "leave it out."
        )


_adapter: ThroughDlpack[paddle.Tensor] = ThroughDlpack(
    from_dlpack=paddle.utils.dlpack.from_dlpack,
    types=_TYPES,
    viewed={},
    entries_of=_entries,
    moved=_moved,
)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
parts_of = _adapter.parts_of
