"""Files without a framework: bytes and memory addresses."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import checked_metadata, checked_name, content_of, path_of
from tensorhold.safetensors._errors import CONTENT, SAVING, SafetensorError, reference_errors

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


class TensorSpec:
    """A tensor in memory, for serialize and serialize_file: dtype by its name in a framework
    (`"float32"`), the address of its bytes and their number. The memory must stay valid until those
    return. Pairs of F4 are counted once in the given shape, and twice in `shape`."""

    __slots__ = ("_data_len", "_data_ptr", "_dtype", "_shape")

    def __init__(
        self, *, dtype: str, shape: Sequence[int], data_ptr: int, data_len: int
    ) -> None:
        if dtype not in _DTYPES:
            raise SafetensorError(
                f'Unknown dtype "{dtype}". Supported dtypes: {", ".join(_DTYPES)}'
            )
        self._dtype = _DTYPES[dtype]
        self._shape = [_natural(extent) for extent in shape]
        if self._dtype == "F4" and self._shape:
            self._shape[-1] *= 2
        self._data_ptr = _natural(data_ptr)
        self._data_len = _natural(data_len)

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


def _natural(value: Any) -> int:
    number = operator.index(value)
    if number < 0:
        raise OverflowError("can't convert negative int to unsigned")
    return number


def _entries(tensor_dict: Any) -> dict[str, tuple[str, list[int], memoryview]]:
    if not isinstance(tensor_dict, dict):
        kind = type(tensor_dict).__name__
        raise TypeError(f"argument 'tensor_dict': '{kind}' object is not an instance of 'dict'")
    entries = {}
    for name, spec in tensor_dict.items():
        if not isinstance(spec, TensorSpec):
            kind = type(spec).__name__
            raise TypeError(
                f"argument 'tensor_dict': '{kind}' object is not an instance of 'TensorSpec'"
            )
        memory = _core._memory(spec.data_ptr, spec.data_len)
        entries[checked_name(name)] = (spec.dtype, spec.shape, memory)
    return entries


def serialize(
    tensor_dict: Mapping[str, TensorSpec], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The content of a file of these tensors."""
    with reference_errors(SAVING):
        return _serialize(_entries(tensor_dict), checked_metadata(metadata))


def serialize_file(
    tensor_dict: Mapping[str, TensorSpec],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Replaces `filename` in one step by a file of these tensors."""
    with reference_errors(SAVING):
        _save(path_of(filename), _entries(tensor_dict), checked_metadata(metadata))


def deserialize(bytes: Any) -> list[tuple[str, dict[str, Any]]]:  # the reference's name
    """(name, {"shape", "dtype", "data"}) of each tensor in a file's content, in offset order; the
    data is a copy."""
    with reference_errors(CONTENT), _open(content_of(bytes)) as file:
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
