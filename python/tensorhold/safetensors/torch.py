"""`safetensors.torch`, served by `tensorhold.torch`."""

from __future__ import annotations

# Names that this module of the reference package has because it imports them, and that programs
# take from there.
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Dict, List, Optional, Set, Tuple, Union  # noqa: UP035

import torch

from tensorhold import torch as _native
from tensorhold.safetensors import (
    TensorSpec,
    deserialize,
    safe_open,
    serialize,
    serialize_file,
)
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference
from tensorhold.safetensors._frameworks import device_of
from tensorhold.safetensors._torch import (
    _SIZE,
    _TYPES,
    _end_ptr,
    _evaluate_tensors_for_save,
    _filter_shared_not_shared,
    _find_shared_tensors,
    _flatten_as_ptr,
    _float4_e2m1_x2,
    _float8_e4m3fn,
    _float8_e4m3fnuz,
    _float8_e5m2,
    _float8_e5m2fnuz,
    _float8_e8m0,
    _getdtype,
    _is_complete,
    _remove_duplicate_names,
    _to_ndarray,
    _view2torch,
    check_load,
    check_load_file,
    check_save,
    check_save_file,
    check_save_model,
    storage_ptr,
    storage_size,
)

load = as_reference(_native.load, CONTENT, __name__, check_load)
save = as_reference(_native.save, SAVING, __name__, check_save)
save_file = as_reference(_native.save_file, SAVING, __name__, check_save_file)
save_model = as_reference(_native.save_model, SAVING, __name__, check_save_model)
_load_file = as_reference(_native.load_file, HEADER, __name__, check_load_file)


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

    def check(*_: Any, **__: Any) -> None:
        check_load_file(filename, device, backend=backend)

    checked = device_of(device, "torch")
    loaded = as_reference(_native.load_model, HEADER, __name__, check)
    return loaded(model, filename, strict, checked, backend=backend, **options)
