"""`safetensors.torch`, served by `tensorhold.torch`.

What it needs is imported at the first use, so that importing it costs no more than importing torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch

_Path = str | os.PathLike[str]


def _behind() -> ModuleType:
    from tensorhold.safetensors import _torch

    return _torch


def load_file(
    filename: _Path, device: Any = "cpu", *, backend: str = "mmap", **options: Any
) -> dict[str, torch.Tensor]:
    """All tensors of a file; see tensorhold.torch.load_file."""
    behind = _behind()
    checked = behind.device_for(filename, device)
    return behind.load_file(filename, checked, backend=backend, **options)  # type: ignore[no-any-return]


def load(data: bytes, **options: Any) -> dict[str, torch.Tensor]:
    """All tensors of a file's content; see tensorhold.torch.load."""
    return _behind().load(data, **options)  # type: ignore[no-any-return]


def load_model(
    model: torch.nn.Module,
    filename: _Path,
    strict: bool = True,
    device: Any = "cpu",
    *,
    backend: str = "mmap",
    **options: Any,
) -> tuple[set[str], list[str]]:
    """Loads a file into a model; see tensorhold.torch.load_model."""
    behind = _behind()
    checked = behind.device_for(filename, device)
    return behind.load_model(model, filename, strict, checked, backend=backend, **options)  # type: ignore[no-any-return]


def save(
    tensors: dict[str, torch.Tensor], metadata: Mapping[str, str] | None = None, **options: Any
) -> bytes:
    """The content of a file of these tensors; see tensorhold.torch.save."""
    return _behind().save(tensors, metadata, **options)  # type: ignore[no-any-return]


def save_file(
    tensors: dict[str, torch.Tensor],
    filename: _Path,
    metadata: Mapping[str, str] | None = None,
    **options: Any,
) -> None:
    """Replaces a file by one of these tensors; see tensorhold.torch.save_file."""
    _behind().save_file(tensors, filename, metadata, **options)


def save_model(
    model: torch.nn.Module,
    filename: _Path,
    metadata: Mapping[str, str] | None = None,
    force_contiguous: bool = True,
    **options: Any,
) -> None:
    """Saves a model's state; see tensorhold.torch.save_model."""
    _behind().save_model(model, filename, metadata, force_contiguous, **options)


def __getattr__(name: str) -> Any:
    # The import system asks every module for names of this kind; `*` asks for __all__.
    if not name.startswith("__") or name == "__all__":
        for known, value in vars(_behind()).items():
            if not known.startswith("__"):
                globals().setdefault(known, value)
        if name in globals():
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    __getattr__("safe_open")
    return sorted(globals())
