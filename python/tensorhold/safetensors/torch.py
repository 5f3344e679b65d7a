"""`safetensors.torch`, served by `tensorhold.torch`."""

from __future__ import annotations

import os
from typing import Any

import torch

from tensorhold import torch as _native
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._frameworks import device_of
from tensorhold.torch import (
    _SIZE,
    _TYPES,
    _end_ptr,
    _find_shared_tensors,
    _getdtype,
    _is_complete,
    _remove_duplicate_names,
    storage_ptr,
    storage_size,
)

__all__ = [
    "_SIZE",
    "_TYPES",
    "_end_ptr",
    "_find_shared_tensors",
    "_getdtype",
    "_is_complete",
    "_remove_duplicate_names",
    "load",
    "load_file",
    "load_model",
    "save",
    "save_file",
    "save_model",
    "storage_ptr",
    "storage_size",
]

load = as_reference(_native.load, CONTENT, __name__)
save = as_reference(_native.save, SAVING, __name__)
save_file = as_reference(_native.save_file, SAVING, __name__)
save_model = as_reference(_native.save_model, SAVING, __name__)
_load_file = as_reference(_native.load_file, HEADER, __name__)
_load_model = as_reference(_native.load_model, HEADER, __name__)


def load_file(
    filename: str | os.PathLike[str], device: Any = "cpu", *, backend: str = "mmap", **options: Any
) -> dict[str, torch.Tensor]:
    """All tensors of a file; see tensorhold.torch.load_file."""
    loaded: dict[str, torch.Tensor] = _load_file(
        filename, device_of(device, "torch"), backend=backend, **options
    )
    return loaded


def load_model(
    model: torch.nn.Module,
    filename: str | os.PathLike[str],
    strict: bool = True,
    device: Any = "cpu",
    *,
    backend: str = "mmap",
    **options: Any,
) -> tuple[set[str], list[str]]:
    """Loads a file into a model; see tensorhold.torch.load_model."""
    checked = device_of(device, "torch")
    return _load_model(model, filename, strict, checked, backend=backend, **options)
