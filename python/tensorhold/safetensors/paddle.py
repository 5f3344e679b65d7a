"""`safetensors.paddle`, served by `tensorhold.paddle`."""

from __future__ import annotations

import os
from typing import Any

from tensorhold import paddle as _native
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._frameworks import device_of

__all__ = ["load", "load_file", "save", "save_file"]

load = as_reference(_native.load, CONTENT, __name__)
save = as_reference(_native.save, SAVING, __name__)
save_file = as_reference(_native.save_file, SAVING, __name__)
_load_file = as_reference(_native.load_file, HEADER, __name__)


def load_file(
    filename: str | os.PathLike[str], device: Any = "cpu", *, backend: str = "mmap", **options: Any
) -> dict[str, Any]:
    """All tensors of a file; see tensorhold.paddle.load_file."""
    return _load_file(filename, device_of(device, "paddle"), backend=backend, **options)
