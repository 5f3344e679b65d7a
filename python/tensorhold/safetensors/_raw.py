"""Files without a framework: bytes and memory addresses."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import content_of
from tensorhold.safetensors import _arguments
from tensorhold.safetensors._errors import (
    CONTENT,
    SAVING,
    SafetensorError,
    quoted,
    reference_errors,
    system_words,
)

# The format's names of the frameworks' dtypes.
_DTYPES = {
    "bool": "BOOL",
    "int8": "I8",
    "uint8": "U8",
    "int16": "I16",
    "uint16": "U16",
    "int32": "I32",
    "uint32": "U32",
    "int64": "I64",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "float4_e2m1fn_x2": "F4",
    "complex64": "C64",
}


def unknown_dtype(name: str) -> SafetensorError:
    return SafetensorError(f"Unknown dtype {quoted(name)}. Supported dtypes: {', '.join(_DTYPES)}")


class TensorSpec:
    """A tensor in memory, for serialize and serialize_file: dtype by its name in a framework
    (`"float32"`), the address of its bytes and their number. The memory must stay valid until those
    return. Pairs of F4 are counted once in the given shape, and twice in `shape`."""

    __slots__ = ("_data_len", "_data_ptr", "_dtype", "_shape")

    def __init__(
        self, *, dtype: str, shape: Sequence[int], data_ptr: int, data_len: int
    ) -> None:
        name = _arguments.text("dtype", dtype)
        self._shape = _arguments.shape(shape)
        self._data_ptr = _arguments.natural("data_ptr", data_ptr)
        self._data_len = _arguments.natural("data_len", data_len)
        if name not in _DTYPES:
            raise unknown_dtype(name)
        self._dtype = _DTYPES[name]
        if self._dtype == "F4" and self._shape:
            last = self._shape[-1]
            if 2 * last >= 2**64:
                raise SafetensorError(f"F4 last-dim {last} doubled to logical shape overflows usize")
            self._shape[-1] = 2 * last

    @property
    def dtype(self) -> str:
        """Name in the format, such as "F32"."""
        return self._dtype

    @property
    def shape(self) -> list[int]:
        """Elements along each axis, as in the header."""
        return list(self._shape)

    @property
    def data_ptr(self) -> int:
        """Address of the first byte."""
        return self._data_ptr

    @property
    def data_len(self) -> int:
        """Number of bytes."""
        return self._data_len

    def __repr__(self) -> str:
        return (
            f"TensorSpec(dtype={self._dtype!r}, shape={self._shape}, "
            f"data_ptr={self._data_ptr}, data_len={self._data_len})"
        )


    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'builtins.TensorSpec' object")


_Entries = dict[str, tuple[str, list[int], memoryview]]


def check_specs(tensor_dict: Any) -> None:
    """Refuses, in the reference's words, what are no tensors by name."""
    if not isinstance(tensor_dict, dict):
        raise _arguments.refused("tensor_dict", tensor_dict, "dict")
    for name, spec in tensor_dict.items():
        _arguments.text("tensor_dict", name)
        if not isinstance(spec, TensorSpec):
            raise _arguments.refused("tensor_dict", spec, "TensorSpec")


def _entries(tensor_dict: Any) -> _Entries:
    check_specs(tensor_dict)
    return {
        name: (spec.dtype, spec.shape, _core._memory(spec.data_ptr, spec.data_len))
        for name, spec in tensor_dict.items()
    }


def serialize(
    tensor_dict: Mapping[str, TensorSpec], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The content of a file of these tensors."""
    entries = _entries(tensor_dict)
    _arguments.metadata(metadata)
    with reference_errors(SAVING):
        return _serialize(entries, metadata)


def serialize_file(
    tensor_dict: Mapping[str, TensorSpec],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Replaces `filename` in one step by a file of these tensors."""
    entries = _entries(tensor_dict)
    path = check_target(filename, metadata)
    with reference_errors(SAVING):
        _save(path, entries, metadata)


def check_target(filename: Any, metadata: Any) -> str:
    """The path, or the reference's words for what is no path or no metadata."""
    path = _arguments.path(filename)
    _arguments.metadata(metadata)
    if _arguments.is_no_path(path):
        number = errno.EINVAL if path else errno.ENOENT
        raise SafetensorError(f"Error while {SAVING}: {system_words(number)}")
    return path


def check_content(data: Any) -> None:
    """Refuses, in the reference's words, what is no content of a file."""
    _arguments.content(data)
    with reference_errors(CONTENT, data):
        _open(content_of(data)).close()


def deserialize(bytes: Any) -> list[tuple[str, dict[str, Any]]]:  # the reference's name
    """(name, {"shape", "dtype", "data"}) of each tensor in a file's content, in offset order; the
    data is a copy."""
    _arguments.content(bytes)
    with reference_errors(CONTENT, bytes), _open(content_of(bytes)) as file:
        return [
            (
                info.name,
                {
                    "shape": list(info.shape),
                    "dtype": info.dtype,
                    "data": bytearray(file[info.name].raw),
                },
            )
            for info in map(file.info, file)
        ]
