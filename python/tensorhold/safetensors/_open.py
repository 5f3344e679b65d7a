"""safe_open: tensors and slices of a file, one at a time."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from tensorhold import open as _open
from tensorhold._adapter import access_of
from tensorhold.errors import SliceError
from tensorhold.safetensors import _arguments
from tensorhold.safetensors._errors import (
    HEADER,
    SafetensorError,
    not_understood,
    quoted,
    reference_errors,
    with_notes,
)
from tensorhold.safetensors._frameworks import (
    Adapter,
    adapter_of,
    check_supported,
    device_of,
    framework_of,
)
from tensorhold.safetensors._slices import check_index, is_plain


class _NotPickled:
    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle 'builtins.{type(self).__name__}' object")


class PySafeSlice(_NotPickled):
    """A tensor of an open file of which parts can be read. With torch, parts of a mapped file are views
    in the pages that get_tensor gives; all others are independent copies."""

    def __init__(self, tensor: Any, framework: str, device: Any) -> None:
        self._tensor = tensor
        self._framework = framework
        self._device = device
        self._adapter: Adapter | None = None

    def get_shape(self) -> list[int]:
        """Elements along each axis, as in the header."""
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """Name in the format, such as "F32"."""
        return str(self._tensor.dtype)

    def __getitem__(self, index: Any) -> Any:
        if self._adapter is None:
            self._adapter = adapter_of(self._framework)
        adapter = self._adapter
        if self._framework not in _WITH_OWN_INDICES:
            shape = self._tensor.shape
            if not is_plain(index, shape):
                check_index(index, shape)
        try:
            with reference_errors(HEADER):
                return adapter.part_of(self._tensor, index, device=self._device)
        except Exception as error:
            self._refuse(index, error.__cause__ or error)
            raise

    def _refuse(self, index: Any, error: BaseException) -> None:
        """Raises the reference's error for a dtype, or for a part of bytes, that it refuses as well."""
        dtype, shape = self.get_dtype(), self.get_shape()
        try:
            if isinstance(error, KeyError):
                raise not_understood(dtype)
            if self._framework in _WITH_OWN_INDICES:
                check_pairs(dtype, shape)
            elif isinstance(error, SliceError):
                check_index(index, shape, dtype not in _IN_PARTS_OF_BYTES)
        except SafetensorError as told:
            raise with_notes(told, error) from error


# Frameworks whose tensors the reference slices as they do it, in their words.
_WITH_OWN_INDICES = ("torch", "paddle")
_IN_PARTS_OF_BYTES = ("F4", "F6_E2M3", "F6_E3M2")


def check_pairs(dtype: str, shape: list[int]) -> None:
    """F4 is a dtype of pairs in frameworks that have it."""
    if dtype == "F4" and (not shape or shape[-1] % 2):
        raise SafetensorError(
            f"f4_x2 dtype requires that the last dim be divisible by 2 in torch: got {shape}"
        )


_Self = TypeVar("_Self", bound="_Reader")


class _Reader(_NotPickled):
    """What safe_open and _safe_open_handle share."""

    def __init__(
        self, source: Any, framework: str, device: Any, backend: str, options: dict[str, Any]
    ) -> None:
        self._framework = framework_of(framework)
        self._imported: Adapter | None = None
        self._device = device_of(device, self._framework)
        if _arguments.text("backend", backend) not in ("mmap", "pread"):
            raise SafetensorError(
                f'backend {quoted(backend)} is invalid (expected one of: "mmap", "pread")'
            )
        access = access_of(options.pop("access", None), backend)
        if isinstance(source, str) and _arguments.is_no_path(source):
            raise FileNotFoundError(f"No such file or directory: {source}")
        with reference_errors(HEADER, source):
            self._file: Any = _open(source, access=access, **options)
        shown = "pytorch" if self._framework == "torch" else self._framework
        check_supported(self._device, self._framework, shown)

    def _adapter(self) -> Adapter:
        """Imported when a tensor is asked for: names, shapes and notes need no framework."""
        if self._imported is None:
            self._imported = adapter_of(self._framework)
        return self._imported

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
        _arguments.text("name", name)
        return self._tensors([name])[name]

    def get_tensors(self) -> dict[str, Any]:
        """All tensors by name, in the order of offset_keys()."""
        return self._tensors(None)

    def _tensors(self, names: list[str] | None) -> dict[str, Any]:
        file = self._open_file()
        try:
            with reference_errors(HEADER):
                return self._adapter().tensors_of(file, names, device=self._device)
        except SafetensorError as error:
            for info in map(file.info, file if names is None else filter(file.__contains__, names)):
                try:
                    check_pairs(info.dtype, list(info.shape))
                except SafetensorError as told:
                    raise with_notes(told, error) from error.__cause__
            raise

    def get_slice(self, name: str) -> PySafeSlice:
        """The tensor of that name, to be sliced: only what is asked for is read."""
        file = self._open_file()
        _arguments.text("name", name)
        with reference_errors(HEADER):
            return PySafeSlice(file[name], self._framework, self._device)

    def _open_file(self) -> Any:
        if self._file is None:
            raise SafetensorError("File is closed")
        return self._file


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
        path = _arguments.path(filename)
        super().__init__(path, framework, device, backend, options)


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


__all__ = ["PySafeSlice", "safe_open"]
