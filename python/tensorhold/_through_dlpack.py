"""Adapters of frameworks whose tensors lie on the bytes of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar, overload

from tensorhold import _core
from tensorhold import open as _open
from tensorhold import save as _save
from tensorhold import serialize as _serialize
from tensorhold._adapter import (
    Access,
    Refused,
    Source,
    access_of,
    checked_metadata,
    content_of,
    source_of,
)
from tensorhold._progress import Progress, loading, saving

_Tensor = TypeVar("_Tensor")
# What tensorhold.save takes, and the framework's tensors that must live until it is done.
Entries = tuple[dict[str, tuple[str, list[int], memoryview]], list[Any]]


class ThroughDlpack(Generic[_Tensor]):
    """The functions of an adapter. `types` are the framework's dtypes by their names in a file,
    `viewed` those of them that its import of DLPack lacks. `entries_of` checks tensors that are to be
    saved. `moved` gives a tensor on a device that is not the CPU. `require_values` raises where new
    tensors would have none."""

    def __init__(
        self,
        *,
        from_dlpack: Callable[[Any], _Tensor],
        types: Mapping[str, Any],
        viewed: Mapping[str, Any],
        entries_of: Callable[[Mapping[str, _Tensor], Refused, Refused], Entries],
        moved: Callable[[_Tensor, Any], _Tensor],
        require_values: Callable[[], None] | None = None,
    ) -> None:
        self._from_dlpack = from_dlpack
        self._types = types
        self._viewed = viewed
        self._entries_of = entries_of
        self._moved = moved
        self._require_values = require_values

    @overload
    def load_file(
        self, filename: Source, device: Any = ..., *, with_metadata: Literal[True], **options: Any
    ) -> tuple[dict[str, _Tensor], dict[str, str] | None]: ...
    @overload
    def load_file(
        self, filename: Source, device: Any = ..., **options: Any
    ) -> dict[str, _Tensor]: ...
    def load_file(
        self,
        filename: Source,
        device: Any = "cpu",
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
        `tensorhold.open`. `tensorhold.release(filename)` lets go of the file and keeps the tensors.
        """
        with _open(source_of(filename), access=access_of(access, backend), **options) as file:
            tensors = self.tensors_of(file, device=device, threads=threads, progress=progress)
            return (tensors, file.metadata) if with_metadata else tensors

    def load(self, data: Any, device: Any = "cpu", **options: Any) -> dict[str, _Tensor]:
        """All tensors of a file's content, copied out of it."""
        with _open(content_of(data), **options) as file:
            return self.tensors_of(file, device=device)

    def save_file(
        self,
        tensors: Mapping[str, _Tensor],
        filename: Source,
        metadata: Mapping[str, str] | None = None,
        *,
        shared: Refused = "error",
        contiguous: Refused = "error",
        progress: Progress = None,
        **options: Any,
    ) -> None:
        """Replaces `filename` in one step by a file of these tensors, even if they were loaded from it.

        `shared` and `contiguous` are "error" or "copy": what becomes of tensors that share memory, of
        which each is then saved by itself, and of those that are not contiguous. Further options are
        those of `tensorhold.save`.
        """
        path = source_of(filename)
        entries, kept = self._entries_of(tensors, shared, contiguous)
        with saving(progress) as report:
            _save(path, entries, checked_metadata(metadata), progress=report, **options)
        del kept

    def save(
        self,
        tensors: Mapping[str, _Tensor],
        metadata: Mapping[str, str] | None = None,
        *,
        shared: Refused = "error",
        contiguous: Refused = "error",
        **options: Any,
    ) -> bytes:
        """The content of a file of these tensors; see save_file."""
        entries, kept = self._entries_of(tensors, shared, contiguous)
        content = _serialize(entries, checked_metadata(metadata), **options)
        del kept
        return content

    def parts_of(self, name: str, tensor: _Tensor) -> Entries:
        """What `tensorhold.save` takes for one tensor, which is packed if it is not contiguous."""
        return self._entries_of({name: tensor}, "copy", "copy")

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
        if self._require_values is not None:
            self._require_values()
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
        if self._require_values is not None:
            self._require_values()
        made = _core._to_framework(tensor, self._from_dlpack, self._types, self._viewed)
        return made if _is_cpu(device) else self._moved(made, device)

    def view_of(self, tensor: _core.Tensor) -> _Tensor | None:
        """The framework's tensor on the pages of a file that tensors_of gives as well; None where that
        would be a copy."""
        if self._require_values is not None:
            self._require_values()
        made: _Tensor | None = _core._view_to_framework(
            tensor, self._from_dlpack, self._types, self._viewed
        )
        return made


def _is_cpu(device: Any) -> bool:
    return device is None or str(device) == "cpu"
