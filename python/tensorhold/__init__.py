"""Safetensors files, mapped, with control of the hold.

    with tensorhold.open("model.safetensors") as file:
        weight = file["embed.weight"]     # no copy
        rows = weight[0:128]              # an owned copy of exactly these rows
    tensorhold.release("model.safetensors")   # same address, same bytes; the file is free
"""

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
