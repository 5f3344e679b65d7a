"""safe_open: tensors and slices of a file, one at a time."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from tensorhold import open as _open
from tensorhold._adapter import access_of, path_of
from tensorhold.safetensors._errors import (
    HEADER,
    SafetensorError,
    SafetensorIndexError,
    reference_errors,
)
from tensorhold.safetensors._frameworks import Adapter, adapter_of, device_of, framework_of


class PySafeSlice:
    """A tensor of an open file of which parts can be read. Every part is an independent copy."""

    def __init__(self, tensor: Any, adapter: Adapter, device: Any) -> None:
        self._tensor = tensor
        self._adapter = adapter
        self._device = device

    def get_shape(self) -> list[int]:
        """Elements along each axis, as in the header."""
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """Name in the format, such as "F32"."""
        return str(self._tensor.dtype)

    def __getitem__(self, index: Any) -> Any:
        with reference_errors(HEADER):
            return self._adapter.part_of(self._tensor, index, device=self._device)


_Self = TypeVar("_Self", bound="_Reader")


class _Reader:
    """What safe_open and _safe_open_handle share."""

    def __init__(
        self, source: Any, framework: str, device: Any, backend: str, options: dict[str, Any]
    ) -> None:
        name = framework_of(framework)
        self._device = device_of(device, name)
        with reference_errors(HEADER):
            access = access_of(options.pop("access", None), backend)
            self._adapter = adapter_of(name)
            self._file: Any = _open(source, access=access, **options)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, _exc_type: Any, _exc_value: Any, _traceback: Any) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def keys(self) -> list[str]:
        """Names of the tensors, sorted."""
        return list(self._open_file().keys())

    def offset_keys(self) -> list[str]:
        """Names of the tensors in the order in which they lie in the file."""
        return list(self._open_file())

    def metadata(self) -> dict[str, str] | None:
        """The file's own notes, or None."""
        found = self._open_file().metadata
        return None if found is None else dict(found)

    def get_tensor(self, name: str) -> Any:
        """The tensor of that name."""
        file = self._open_file()
        with reference_errors(HEADER):
            return self._adapter.tensors_of(file, [name], device=self._device)[name]

    def get_tensors(self) -> dict[str, Any]:
        """All tensors by name, in the order of offset_keys()."""
        file = self._open_file()
        with reference_errors(HEADER):
            return self._adapter.tensors_of(file, device=self._device)

    def get_slice(self, name: str) -> PySafeSlice:
        """The tensor of that name, to be sliced: only what is asked for is read."""
        file = self._open_file()
        with reference_errors(HEADER):
            return PySafeSlice(file[name], self._adapter, self._device)

    def _open_file(self) -> Any:
        if self._file is None:
            raise SafetensorError("File is closed")
        return self._file

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle '{type(self).__name__}' object")


class safe_open(_Reader):
    """An open file whose tensors are had one at a time, in a framework and on a device.

    `backend="pread"` asks for `access="owned"`. Further options are those of `tensorhold.open`.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str],
        framework: str,
        device: Any = "cpu",
        *,
        backend: str = "mmap",
        **options: Any,
    ) -> None:
        super().__init__(path_of(filename), framework, device, backend, options)


class _safe_open_handle(_Reader):
    """safe_open of a Python file object, which stays the caller's."""

    def __init__(
        self,
        f: Any,
        framework: str,
        device: Any = "cpu",
        *,
        backend: str = "mmap",
        **options: Any,
    ) -> None:
        super().__init__(f.fileno(), framework, device, backend, options)


__all__ = ["PySafeSlice", "SafetensorIndexError", "safe_open"]
