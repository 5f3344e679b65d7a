"""Safetensors files, mapped, with control of the hold.

    with tensorhold.open("model.safetensors") as file:
        weight = file["embed.weight"]     # no copy
        rows = weight[0:128]              # an owned copy of exactly these rows
    tensorhold.release("model.safetensors")   # same address, same bytes; the file is free
"""

from importlib import import_module as _import_module

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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

# Where the other names are: imported when they are first asked for, so that importing the package
# costs little. Adapters import their frameworks.
_PLACES = {
    "Changed": "_values",
    "Edited": "_values",
    "Error": "errors",
    "Holder": "_values",
    "Holders": "_values",
    "Released": "_values",
    "TensorInfo": "_values",
}
_MODULES = ("errors", "flax", "mlx", "numpy", "paddle", "safetensors", "tensorflow", "torch")


def __getattr__(name: str) -> "Any":
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(_import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES, *_MODULES})
