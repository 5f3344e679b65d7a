"""Adapters of frameworks whose arrays are made from numpy's, by copying."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar, overload

import numpy as np

from tensorhold import _core
from tensorhold import numpy as _numpy
from tensorhold import open as _open
from tensorhold._adapter import Access, Source, access_of, content_of, errors_of, source_of
from tensorhold._progress import Progress
from tensorhold.errors import ArgumentError, TensorError

_Array = TypeVar("_Array")
_NumpyArray = np.ndarray[Any, Any]
Narrowing = Literal["error", "warn", "accept"]


class ThroughNumpy(Generic[_Array]):
    """The functions of an adapter. `types` are the dtypes of numpy's arrays that it makes its own of,
    by their names in a file; `from_numpy` is given such an array and that name. `itemsize_of` tells
    whether the framework kept all bits of an element, and `advice` what to do if it did not."""

    def __init__(
        self,
        *,
        types: Mapping[str, Any],
        from_numpy: Callable[[_NumpyArray, str], _Array],
        to_numpy: Callable[[_Array], _NumpyArray],
        itemsize_of: Callable[[_Array], int],
        advice: str = "",
        narrowing: Narrowing = "error",
    ) -> None:
        self._types = types
        self._from_numpy = from_numpy
        self._to_numpy = to_numpy
        self._itemsize_of = itemsize_of
        self._advice = advice
        self._narrowing = narrowing

    def with_narrowing(self, narrowing: Narrowing) -> ThroughNumpy[_Array]:
        """The same functions, with another default."""
        return ThroughNumpy(
            types=self._types,
            from_numpy=self._from_numpy,
            to_numpy=self._to_numpy,
            itemsize_of=self._itemsize_of,
            advice=self._advice,
            narrowing=narrowing,
        )

    @overload
    def load_file(
        self, filename: Source, *, with_metadata: Literal[True], **options: Any
    ) -> tuple[dict[str, _Array], dict[str, str] | None]: ...
    @overload
    def load_file(self, filename: Source, **options: Any) -> dict[str, _Array]: ...
    def load_file(
        self,
        filename: Source,
        *,
        backend: str = "mmap",
        access: Access | None = None,
        threads: int = 0,
        progress: Progress = None,
        narrowing: Narrowing | None = None,
        with_metadata: bool = False,
        **options: Any,
    ) -> Any:
        """All tensors of a file; `with_metadata`, a pair of them and its metadata. The arrays are the
        framework's own, so the file is free afterwards.

        `backend="pread"` asks for `access="owned"`; `access` goes first. `narrowing` is "error", "warn"
        or "accept": what happens where the framework keeps elements in fewer bits than the file.
        Further options are those of `tensorhold.open`.
        """
        with _open(source_of(filename), access=access_of(access, backend), **options) as file:
            arrays = self.tensors_of(file, threads=threads, progress=progress, narrowing=narrowing)
            return (arrays, file.metadata) if with_metadata else arrays

    def load(
        self, data: Any, *, narrowing: Narrowing | None = None, **options: Any
    ) -> dict[str, _Array]:
        """All tensors of a file's content; see load_file."""
        with _open(content_of(data), **options) as file:
            return self.tensors_of(file, narrowing=narrowing)

    def save_file(
        self,
        tensors: Mapping[str, _Array],
        filename: Source,
        metadata: Mapping[str, str] | None = None,
        *,
        progress: Progress = None,
        **options: Any,
    ) -> None:
        """Replaces `filename` in one step by a file of these arrays, whoever has it mapped. Further
        options are those of `tensorhold.save`."""
        arrays = self._arrays(tensors)
        _numpy.save_file(arrays, filename, metadata, progress=progress, **options)

    def save(
        self,
        tensors: Mapping[str, _Array],
        metadata: Mapping[str, str] | None = None,
        **options: Any,
    ) -> bytes:
        """The content of a file of these arrays."""
        return _numpy.save(self._arrays(tensors), metadata, **options)

    def parts_of(self, name: str, tensor: _Array) -> Any:
        """What `tensorhold.save` takes for one array."""
        return _numpy._entries(self._arrays({name: tensor}))

    def tensors_of(
        self,
        file: _core.File,
        names: Iterable[str] | None = None,
        device: str = "cpu",
        *,
        narrowing: Narrowing | None = None,
        **options: Any,
    ) -> dict[str, _Array]:
        """All tensors of an open file, or those of the given names, in offset order."""
        arrays = _numpy.tensors_of(file, names, types=self._types, **options)
        made: dict[str, _Array] = {}
        for name in list(arrays):
            made[name] = self._made(arrays.pop(name), name, file.info(name).dtype, narrowing)
        return made

    def tensor_of(
        self, tensor: _core.Tensor, device: str = "cpu", *, narrowing: Narrowing | None = None
    ) -> _Array:
        """The framework's array of a writable tensor."""
        array = _numpy.tensor_of(tensor, types=self._types)
        return self._made(array, tensor.name, tensor.dtype, narrowing)

    def part_of(
        self,
        tensor: _core.Tensor,
        index: Any,
        device: str = "cpu",
        *,
        narrowing: Narrowing | None = None,
    ) -> _Array:
        """`tensor[index]`, read and converted."""
        array = _numpy.part_of(tensor, index, types=self._types)
        return self._made(array, tensor.name, tensor.dtype, narrowing)

    def _made(
        self, array: _NumpyArray, name: str, dtype: str, narrowing: Narrowing | None
    ) -> _Array:
        narrowing = self._narrowing if narrowing is None else narrowing
        if narrowing not in ("error", "warn", "accept"):
            raise ArgumentError(
                f'narrowing is {narrowing!r} (expected one of: "error", "warn", "accept")'
            )
        with errors_of(name):
            made = self._from_numpy(array, dtype)
            _core._require_bytes(array)
        kept = self._itemsize_of(made)
        if kept != array.itemsize and narrowing != "accept":
            message = (
                f"tensor `{name}` is {dtype}, {array.itemsize} bytes an element, and would be loaded with "
                f"{kept}, which changes values. {self._advice}Or accept it with narrowing=\"accept\"."
            )
            if narrowing == "error":
                raise TensorError(message, "dtype_mismatch", 301, tensor=name)
            warnings.warn(message, stacklevel=4)
        return made

    def _arrays(self, tensors: Mapping[str, _Array]) -> dict[str, _NumpyArray]:
        arrays = {}
        for name, tensor in tensors.items():
            with errors_of(name):
                arrays[name] = self._to_numpy(tensor)
        return arrays
