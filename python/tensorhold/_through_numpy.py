"""Adapters of frameworks whose arrays are made from numpy's, by copying."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from tensorhold import _core
from tensorhold import numpy as _numpy
from tensorhold._adapter import Access
from tensorhold._progress import Progress

_Array = TypeVar("_Array")
_NumpyArray = np.ndarray[Any, Any]


class ThroughNumpy(Generic[_Array]):
    """The functions of an adapter, given how one array is converted each way."""

    def __init__(
        self, from_numpy: Callable[[_NumpyArray], _Array], to_numpy: Callable[[_Array], _NumpyArray]
    ) -> None:
        self._from_numpy = from_numpy
        self._to_numpy = to_numpy

    def load_file(
        self,
        filename: str | os.PathLike[str],
        *,
        backend: str = "mmap",
        access: Access | None = None,
        threads: int = 0,
        progress: Progress = None,
        **options: Any,
    ) -> dict[str, _Array]:
        """All tensors of a file. The arrays are the framework's own, so the file is free afterwards.

        `backend="pread"` asks for `access="owned"`; `access` goes first. Further options are those of
        `tensorhold.open`.
        """
        return self._converted(
            _numpy.load_file(
                filename,
                backend=backend,
                access=access,
                threads=threads,
                progress=progress,
                **options,
            )
        )

    def load(self, data: Any, **options: Any) -> dict[str, _Array]:
        """All tensors of a file's content."""
        return self._converted(_numpy.load(data, **options))

    def save_file(
        self,
        tensors: Mapping[str, _Array],
        filename: str | os.PathLike[str],
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

    def tensors_of(
        self, file: _core.File, names: Iterable[str] | None = None, device: str = "cpu", **options: Any
    ) -> dict[str, _Array]:
        """All tensors of an open file, or those of the given names, in offset order."""
        return self._converted(_numpy.tensors_of(file, names, **options))

    def tensor_of(self, tensor: _core.Tensor, device: str = "cpu") -> _Array:
        """The framework's array of a writable tensor."""
        return self._from_numpy(_numpy.tensor_of(tensor))

    def part_of(self, tensor: _core.Tensor, index: Any, device: str = "cpu") -> _Array:
        """`tensor[index]`, read and converted."""
        return self._from_numpy(_numpy.part_of(tensor, index))

    def _converted(self, arrays: dict[str, _NumpyArray]) -> dict[str, _Array]:
        made: dict[str, _Array] = {}
        for name in list(arrays):
            array = arrays.pop(name)
            made[name] = self._from_numpy(array)
            _core._require_bytes(array)
        return made

    def _arrays(self, tensors: Mapping[str, _Array]) -> dict[str, _NumpyArray]:
        return {name: self._to_numpy(tensor) for name, tensor in tensors.items()}
