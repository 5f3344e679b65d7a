"""safetensors files as numpy arrays.

The functions have the signatures of `safetensors.numpy`, and `access=`, `threads=` and `progress=`
besides. Loaded arrays are not copied. They may be written: their pages are private to the process and
never reach the file. bfloat16 and the 8-bit floats are those of `ml_dtypes`, where that is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Literal, overload

import numpy as np

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import (
    Access,
    Source,
    UnsupportedDtype,
    access_of,
    checked_metadata,
    checked_name,
    content_of,
    flatten_advice,
    index_with,
    source_of,
)
from tensorhold._numpy_memory import require_memory
from tensorhold._progress import Progress, loading, saving
from tensorhold.errors import SliceError

try:
    _ml_dtypes: Any = import_module("ml_dtypes")
except ImportError:
    _ml_dtypes = None

__all__ = ["load", "load_file", "save", "save_file"]

# Dtypes by their names in a file.
_TYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "U16": np.dtype(np.uint16),
    "I16": np.dtype(np.int16),
    "U32": np.dtype(np.uint32),
    "I32": np.dtype(np.int32),
    "U64": np.dtype(np.uint64),
    "I64": np.dtype(np.int64),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "C64": np.dtype(np.complex64),
}
_ML_DTYPES = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
_TYPES.update(
    (name, np.dtype(getattr(_ml_dtypes, attribute)))
    for name, attribute in _ML_DTYPES.items()
    if hasattr(_ml_dtypes, attribute)
)
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def tensor_of(
    tensor: _core.Tensor, device: str = "cpu", *, types: Mapping[str, Any] = _TYPES
) -> np.ndarray[Any, Any]:
    """An array on the bytes of a writable tensor."""
    array: np.ndarray[Any, Any] = _core._to_ndarray(tensor, np.ndarray, types)
    return array


def tensors_of(
    file: _core.File,
    names: Iterable[str] | None = None,
    device: str = "cpu",
    *,
    threads: int = 0,
    progress: Progress = None,
    types: Mapping[str, Any] = _TYPES,
) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors of an open file, or those of the given names, in offset order. `types` are the
    arrays' dtypes by their names in the file."""
    with loading(progress) as report:
        arrays: dict[str, np.ndarray[Any, Any]] = _core._load_arrays(
            file, np.ndarray, types, names=names, threads=threads, progress=report
        )
    return arrays


def part_of(
    tensor: _core.Tensor, index: Any, device: str = "cpu", *, types: Mapping[str, Any] = _TYPES
) -> np.ndarray[Any, Any]:
    """`tensor[index]` as an array of its own. Indices that only numpy knows (None, masks, lists) read
    all of the tensor first."""
    try:
        part = tensor[index]
    except TypeError:
        index = index_with(index, np.ndarray, np.asarray)
        try:
            return np.array(tensor_of(tensor.copy(), types=types)[index])
        except IndexError as error:
            raise SliceError(f"Unsupported slice index: {error}", "invalid_slice", 304) from None
    return tensor_of(part, types=types)


@overload
def load_file(
    filename: Source, *, with_metadata: Literal[True], **options: Any
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str] | None]: ...
@overload
def load_file(filename: Source, **options: Any) -> dict[str, np.ndarray[Any, Any]]: ...
def load_file(
    filename: Source,
    *,
    backend: str = "mmap",
    access: Access | None = None,
    threads: int = 0,
    progress: Progress = None,
    with_metadata: bool = False,
    **options: Any,
) -> Any:
    """All tensors of a file; `with_metadata`, a pair of them and its metadata.

    `backend="pread"` asks for `access="owned"`; `access` goes first. Further options are those of
    `tensorhold.open`. `tensorhold.release(filename)` lets go of the file and keeps the arrays.
    """
    with _open(source_of(filename), access=access_of(access, backend), **options) as file:
        arrays = tensors_of(file, threads=threads, progress=progress)
        return (arrays, file.metadata) if with_metadata else arrays


def load(data: Any, **options: Any) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors of a file's content, copied out of it."""
    with _open(content_of(data), **options) as file:
        return tensors_of(file)


def save_file(
    tensor_dict: Mapping[str, np.ndarray[Any, Any]],
    filename: Source,
    metadata: Mapping[str, str] | None = None,
    *,
    progress: Progress = None,
    **options: Any,
) -> None:
    """Replaces `filename` in one step by a file of these arrays, even if they were loaded from it.
    Further options are those of `tensorhold.save`."""
    path = source_of(filename)
    entries, kept = _entries(tensor_dict)
    with saving(progress) as report:
        _save(path, entries, checked_metadata(metadata), progress=report, **options)
    del kept


def save(
    tensor_dict: Mapping[str, np.ndarray[Any, Any]],
    metadata: Mapping[str, str] | None = None,
    **options: Any,
) -> bytes:
    """The content of a file of these arrays."""
    entries, kept = _entries(tensor_dict)
    content = _serialize(entries, checked_metadata(metadata), **options)
    del kept
    return content


_Entries = dict[str, tuple[str, tuple[int, ...], memoryview]]


def _entries(arrays: Mapping[str, Any]) -> tuple[_Entries, list[np.ndarray[Any, Any]]]:
    """What `tensorhold.save` takes, and the arrays that must live until it is done: packed, and in
    the machine's byte order."""
    entries: _Entries = {}
    kept = []
    for name, array in arrays.items():
        if not isinstance(array, (np.ndarray, np.generic)):
            raise TypeError(
                f"Key `{name}` is invalid, expected numpy.ndarray but received {type(array)}"
                + flatten_advice(array)
            )
        dtype = _NAMES.get(array.dtype.newbyteorder("="))
        if dtype is None:
            raise UnsupportedDtype(
                f'Unknown dtype "{array.dtype}" of tensor `{name}`. Supported dtypes: '
                + ", ".join(sorted(known.name for known in _NAMES))
                + (flatten_advice(array.item()) if array.dtype == object and array.ndim == 0 else "")
            )
        require_memory(name, array)
        packed = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        if packed is not array and isinstance(array, np.ndarray):
            _core._require_bytes(array)
        kept.append(packed)
        memory = _core._memory(packed.ctypes.data, packed.nbytes)
        entries[checked_name(name)] = (dtype, array.shape, memory)
    return entries, kept


def parts_of(name: str, array: Any) -> tuple[_Entries, list[np.ndarray[Any, Any]]]:
    """What `tensorhold.save` takes for one array."""
    return _entries({name: array})


def _getdtype(dtype_str: str) -> np.dtype[Any]:
    return _TYPES[dtype_str]
