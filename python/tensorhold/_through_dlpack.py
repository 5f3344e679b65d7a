"""Adapters of frameworks whose tensors lie on the bytes of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import Access, access_of, checked_metadata, content_of, path_of
from tensorhold._progress import Progress, loading, saving

_Tensor = TypeVar("_Tensor")
# What tensorhold.save takes, and the framework's tensors that must live until it is done.
Entries = tuple[dict[str, tuple[str, list[int], memoryview]], list[Any]]


class ThroughDlpack(Generic[_Tensor]):
    """The functions of an adapter. `types` are the framework's dtypes by their names in a file,
    `viewed` those of them that its import of DLPack lacks. `entries_of` checks tensors that are to be
    saved. `moved` gives a tensor on a device that is not the CPU."""

    def __init__(
        self,
        *,
        from_dlpack: Callable[[Any], _Tensor],
        types: Mapping[str, Any],
        viewed: Mapping[str, Any],
        entries_of: Callable[[Mapping[str, _Tensor]], Entries],
        moved: Callable[[_Tensor, Any], _Tensor],
    ) -> None:
        self._from_dlpack = from_dlpack
        self._types = types
        self._viewed = viewed
        self._entries_of = entries_of
        self._moved = moved

    def load_file(
        self,
        filename: str | os.PathLike[str],
        device: Any = "cpu",
        *,
        backend: str = "mmap",
        access: Access | None = None,
        threads: int = 0,
        progress: Progress = None,
        **options: Any,
    ) -> dict[str, _Tensor]:
        """All tensors of a file.

        `backend="pread"` asks for `access="owned"`; `access` goes first. Further options are those of
        `tensorhold.open`. `tensorhold.release(filename)` lets go of the file and keeps the tensors.
        """
        with _open(path_of(filename), access=access_of(access, backend), **options) as file:
            return self.tensors_of(file, device=device, threads=threads, progress=progress)

    def load(self, data: Any, device: Any = "cpu", **options: Any) -> dict[str, _Tensor]:
        """All tensors of a file's content, copied out of it."""
        with _open(content_of(data), **options) as file:
            return self.tensors_of(file, device=device)

    def save_file(
        self,
        tensors: Mapping[str, _Tensor],
        filename: str | os.PathLike[str],
        metadata: Mapping[str, str] | None = None,
        *,
        progress: Progress = None,
        **options: Any,
    ) -> None:
        """Replaces `filename` in one step by a file of these tensors, even if they were loaded from it.

        Tensors must be dense and contiguous, and those of torch must not share memory. Further options
        are those of `tensorhold.save`.
        """
        path = path_of(filename)
        entries, kept = self._entries_of(tensors)
        with saving(progress) as report:
            _save(path, entries, checked_metadata(metadata), progress=report, **options)
        del kept

    def save(
        self,
        tensors: Mapping[str, _Tensor],
        metadata: Mapping[str, str] | None = None,
        **options: Any,
    ) -> bytes:
        """The content of a file of these tensors; see save_file."""
        entries, kept = self._entries_of(tensors)
        content = _serialize(entries, checked_metadata(metadata), **options)
        del kept
        return content

    def tensors_of(
        self,
        file: _core.File,
        names: Iterable[str] | None = None,
        device: Any = "cpu",
        *,
        threads: int = 0,
        progress: Progress = None,
    ) -> dict[str, _Tensor]:
        """All tensors of an open file, or those of the given names, in offset order."""
        form = (self._from_dlpack, self._types, self._viewed)
        with loading(progress) as report:
            tensors: dict[str, _Tensor] = _core._load_dlpack(
                file, *form, names=names, threads=threads, progress=report
            )
        if not _is_cpu(device):
            for name, tensor in tensors.items():
                tensors[name] = self._moved(tensor, device)
        return tensors

    def tensor_of(self, tensor: _core.Tensor, device: Any = "cpu") -> _Tensor:
        """The framework's tensor on the bytes of a writable tensor, or where the device is another, a
        copy there."""
        made = _core._to_framework(tensor, self._from_dlpack, self._types, self._viewed)
        return made if _is_cpu(device) else self._moved(made, device)


def _is_cpu(device: Any) -> bool:
    return device is None or str(device) == "cpu"
