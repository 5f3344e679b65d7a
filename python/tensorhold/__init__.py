"""Safetensors files, mapped, with control of the hold.

    with tensorhold.open("model.safetensors") as file:
        weight = file["embed.weight"]     # no copy
        rows = weight[0:128]              # an owned copy of exactly these rows
    tensorhold.release("model.safetensors")   # same address, same bytes; the file is free
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from ._core import (
    File,
    FileLock,
    Tensor,
    Writer,
    __version__,
    edit_metadata,
    holders,
    lock_exclusive,
    lock_shared,
    open,
    overwrite,
    release,
    remove,
    replace,
    save,
    serialize,
)
from ._values import Changed, Edited, Holder, Holders, Released, TensorInfo
from .errors import Error

__all__ = [
    "Changed",
    "Edited",
    "Error",
    "File",
    "FileLock",
    "Holder",
    "Holders",
    "Released",
    "Tensor",
    "TensorInfo",
    "Writer",
    "__version__",
    "edit_metadata",
    "holders",
    "lock_exclusive",
    "lock_shared",
    "open",
    "overwrite",
    "release",
    "remove",
    "replace",
    "save",
    "serialize",
]

_ADAPTERS = ("flax", "mlx", "numpy", "paddle", "safetensors", "tensorflow", "torch")


def __getattr__(name: str) -> _ModuleType:
    """An adapter, imported when it is first asked for, because its framework is imported with it."""
    if name in _ADAPTERS:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
