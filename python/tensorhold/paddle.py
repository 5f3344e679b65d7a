"""safetensors files as PaddlePaddle tensors, with the functions of `safetensors.paddle`.

Loaded tensors are not copied. They may be written: their pages are private to the process and never
reach the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import paddle

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import (
    UnsupportedDtype,
    access_of,
    checked_metadata,
    checked_name,
    content_of,
    path_of,
)
from tensorhold._progress import Progress, loading, saving

__all__ = ["load", "load_file", "save", "save_file"]

# Dtypes by their names in a file. What paddle calls uint16 is its bfloat16.
_TYPES: dict[str, Any] = {
    name: getattr(paddle, attribute)
    for name, attribute in {
        "BOOL": "bool",
        "U8": "uint8",
        "I8": "int8",
        "I16": "int16",
        "I32": "int32",
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
_from_dlpack = paddle.utils.dlpack.from_dlpack


def _on(device: Any, tensor: paddle.Tensor) -> paddle.Tensor:
    return tensor if device in (None, "cpu") else tensor.to(device)


def tensor_of(tensor: _core.Tensor, device: Any = "cpu") -> paddle.Tensor:
    """A paddle tensor on the bytes of a writable tensor, or where the device is another, a copy
    there."""
    return _on(device, _core._to_framework(tensor, _from_dlpack, _TYPES, {}))


def tensors_of(
    file: _core.File,
    names: Iterable[str] | None = None,
    device: Any = "cpu",
    *,
    threads: int = 0,
    progress: Progress = None,
) -> dict[str, paddle.Tensor]:
    """All tensors of an open file, or those of the given names, in offset order."""
    with loading(progress) as report:
        tensors: dict[str, paddle.Tensor] = _core._load_dlpack(
            file, _from_dlpack, _TYPES, {}, names=names, threads=threads, progress=report
        )
    for name, tensor in tensors.items():
        tensors[name] = _on(device, tensor)
    return tensors


def part_of(tensor: _core.Tensor, index: Any, device: Any = "cpu") -> paddle.Tensor:
    """`tensor[index]` as a tensor of its own. Indices that only paddle knows read all of the tensor
    first."""
    try:
        part = tensor[index]
    except TypeError:
        return _on(device, tensor_of(tensor.copy())[index].clone())
    return tensor_of(part, device)


def load_file(
    filename: str | os.PathLike[str],
    device: Any = "cpu",
    *,
    backend: str = "mmap",
    access: str | None = None,
    threads: int = 0,
    progress: Progress = None,
    **options: Any,
) -> dict[str, paddle.Tensor]:
    """All tensors of a file.

    `backend="pread"` asks for `access="owned"`; `access` goes first. Further options are those of
    `tensorhold.open`. `tensorhold.release(filename)` lets go of the file and keeps the tensors.
    """
    with _open(path_of(filename), access=access_of(access, backend), **options) as file:
        return tensors_of(file, device=device, threads=threads, progress=progress)


def load(data: Any, device: Any = "cpu", **options: Any) -> dict[str, paddle.Tensor]:
    """All tensors of a file's content, copied out of it."""
    with _open(content_of(data), **options) as file:
        return tensors_of(file, device=device)


def save_file(
    tensors: Mapping[str, paddle.Tensor],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    *,
    progress: Progress = None,
    **options: Any,
) -> None:
    """Replaces `filename` in one step by a file of these tensors, even if they were loaded from it.

    Tensors must be dense and contiguous. Further options are those of `tensorhold.save`.
    """
    path = path_of(filename)
    entries, kept = _entries(tensors)
    with saving(progress) as report:
        _save(path, entries, checked_metadata(metadata), **report, **options)
    del kept


def save(
    tensors: Mapping[str, paddle.Tensor], metadata: Mapping[str, str] | None = None, **options: Any
) -> bytes:
    """The content of a file of these tensors."""
    entries, kept = _entries(tensors)
    content = _serialize(entries, checked_metadata(metadata), **options)
    del kept
    return content


_Entries = dict[str, tuple[str, list[int], memoryview]]


def _entries(tensors: Mapping[str, paddle.Tensor]) -> tuple[_Entries, list[paddle.Tensor]]:
    """What `tensorhold.save` takes, and the tensors that must live until it is done."""
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, paddle.Tensor] but received {type(tensors)}")
    entries: _Entries = {}
    kept = []
    for name, tensor in tensors.items():
        if not isinstance(tensor, paddle.Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected paddle.Tensor but received {type(tensor)}"
            )
        if not tensor.is_dense():
            raise ValueError(f"Tensor `{name}` is sparse; `.to_dense()` makes it one that can be saved")
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. Save "
                "the tensor that it is a view of and slice it after loading, or pack it with "
                "`.contiguous()`."
            )
        dtype = _NAMES.get(tensor.dtype)
        if dtype is None:
            raise UnsupportedDtype(f"{tensor.dtype} of tensor `{name}` has no safetensors dtype")
        tensor = tensor.cpu()
        kept.append(tensor)
        nbytes = tensor.size * tensor.element_size()
        memory = _core._memory(tensor.data_ptr() if nbytes else 0, nbytes)
        entries[checked_name(name)] = (dtype, list(tensor.shape), memory)
    return entries, kept
