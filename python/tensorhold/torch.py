"""safetensors files as torch tensors.

The functions have the signatures of `safetensors.torch`, and `access=`, `threads=` and `progress=`
besides. Each loaded tensor is a storage of its own, so dropping one frees it. It may be written: its
pages are private to the process and never reach the file, and they cost memory only once written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from tensorhold import _core
from tensorhold._adapter import (
    Access,
    Refused,
    UnsupportedDtype,
    checked_metadata,
    checked_name,
    copies,
    flatten_advice,
    index_with,
)
from tensorhold._progress import Progress
from tensorhold._through_dlpack import Entries, ThroughDlpack
from tensorhold._torch_model import fill, refuse_fake
from tensorhold._torch_checks import pairs_index, refuse_fake_mode, require_values

__all__ = [
    "load",
    "load_file",
    "load_model",
    "save",
    "save_file",
    "save_model",
    "storage_ptr",
    "storage_size",
]

_Device = str | int | torch.device | None
_Path = str | os.PathLike[str]

# Dtypes by their names in a file. The oldest torch that works lacks some.
_TYPES: dict[str, torch.dtype] = {
    name: getattr(torch, attribute)
    for name, attribute in {
        "BOOL": "bool",
        "U8": "uint8",
        "I8": "int8",
        "U16": "uint16",
        "I16": "int16",
        "U32": "uint32",
        "I32": "int32",
        "U64": "uint64",
        "I64": "int64",
        "F16": "float16",
        "BF16": "bfloat16",
        "F32": "float32",
        "F64": "float64",
        "C64": "complex64",
        "F8_E4M3": "float8_e4m3fn",
        "F8_E4M3FNUZ": "float8_e4m3fnuz",
        "F8_E5M2": "float8_e5m2",
        "F8_E5M2FNUZ": "float8_e5m2fnuz",
        "F8_E8M0": "float8_e8m0fnu",
        "F4": "float4_e2m1fn_x2",
    }.items()
    if hasattr(torch, attribute)
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}

_from_dlpack: Callable[[Any], torch.Tensor] = getattr(
    torch._C, "_from_dlpack", torch.utils.dlpack.from_dlpack
)


def _needs_view(dtype: torch.dtype) -> bool:
    """Whether this torch lacks the dtype in its import of DLPack, so that bytes are imported and then
    viewed."""
    try:
        zeros = torch.zeros(1, dtype=torch.uint8).view(dtype)
        return _from_dlpack(zeros.__dlpack__()).dtype != dtype
    except Exception:
        return True


_VIEWED: dict[str, torch.dtype] = {
    name: dtype
    for name, dtype in _TYPES.items()
    if name[:2] in ("F8", "F4") and _needs_view(dtype)
}


def part_of(tensor: _core.Tensor, index: Any, device: _Device = "cpu") -> torch.Tensor:
    """`tensor[index]` as torch gives it of the whole tensor: of a mapped file, a view in the pages of
    `tensors_of`. With owned access, or where that would be a copy, a tensor of its own; indices that
    only torch knows (None, masks, tensors) read all of the tensor first then."""
    whole = _adapter.view_of(tensor)
    if whole is not None:
        made = _part_of(whole, tensor, index)
        return made if device is None else made.to(device)
    try:
        part = tensor[index]
    except (TypeError, IndexError):
        shape = list(tensor.shape)
        if tensor.dtype == "F4":
            shape[-1] //= 2
        # In torch's own words where the index is wrong, before anything is read.
        dtype = _TYPES.get(tensor.dtype, torch.uint8)
        _part_of(torch.empty((), dtype=dtype).expand(shape), tensor, index)
        return _part_of(tensor_of(tensor.copy()), tensor, index).clone().to(device)
    return tensor_of(part, device)


def _part_of(whole: torch.Tensor, tensor: _core.Tensor, index: Any) -> torch.Tensor:
    """`whole[index]`, for an index of `tensor`."""
    index = index_with(index, torch.Tensor, _as_index)
    if tensor.dtype == "F4":
        index = pairs_index(index, tensor.shape)
    if tensor.dtype[:2] not in ("F8", "F4"):
        return whole[index]
    # torch cannot index all of its small floats in all ways, but bytes it can.
    return whole.view(torch.uint8)[index].view(whole.dtype)


def _as_index(array: Any) -> torch.Tensor:
    """An array of another library as an index; by its values, which all of them tell."""
    made = torch.as_tensor(array.tolist())
    return made if made.numel() else made.long()


def save_model(
    model: torch.nn.Module,
    filename: _Path,
    metadata: Mapping[str, str] | None = None,
    force_contiguous: bool = True,
    *,
    progress: Progress = None,
    **options: Any,
) -> None:
    """Saves a model's state. Of tensors that are the same memory one is saved; the metadata says for
    each of the others, under its name, which. `force_contiguous` packs tensors that are not."""
    state = model.state_dict()
    require_values(state)
    notes = checked_metadata(metadata) or {}
    removed = _remove_duplicate_names(state)
    for kept_name, names in removed.items():
        for name in names:
            notes.setdefault(name, kept_name)
            del state[name]
    if force_contiguous:
        packed = {name: tensor.contiguous() for name, tensor in state.items()}
        for tensor in state.values():
            if tensor.device.type == "cpu" and not tensor.is_contiguous():
                storage = tensor.untyped_storage()
                _core._require_bytes(_core._memory(storage.data_ptr(), storage.nbytes()))
        state = packed
    try:
        save_file(
            state,
            filename,
            notes if notes or metadata is not None else None,
            progress=progress,
            **options,
        )
    except ValueError as error:
        if force_contiguous or not error.args:
            raise
        message = f"{error} Or use save_model(..., force_contiguous=True), which packs them."
        raise ValueError(message) from None


def load_model(
    model: torch.nn.Module,
    filename: _Path,
    strict: bool = True,
    device: _Device = "cpu",
    *,
    backend: str = "mmap",
    access: Access | None = None,
    threads: int = 0,
    progress: Progress = None,
    **options: Any,
) -> tuple[set[str], list[str]]:
    """Loads a file into a model and returns the names that the file lacks, and those that the model
    does not know; with `strict`, either is an error. Names that are the same memory in the model count
    as one."""
    refuse_fake(model)
    state = load_file(
        filename,
        device,
        backend=backend,
        access=access,
        threads=threads,
        progress=progress,
        **options,
    )
    duplicates = _remove_duplicate_names(model.state_dict(), preferred_names=list(state))
    missing, unexpected = fill(model, state)
    for names in duplicates.values():
        for name in names:
            if name in missing:
                missing.remove(name)
            else:
                unexpected.append(name)
    if strict and (missing or unexpected):
        message = f"Error(s) in loading state_dict for {type(model).__name__}:"
        for kind, keys in (("Missing", sorted(missing)), ("Unexpected", sorted(unexpected))):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                message += f"\n    {kind} key(s) in state_dict: {listed}"
        raise RuntimeError(message)
    return missing, unexpected


def _entries(tensors: Mapping[str, torch.Tensor], shared: Refused, contiguous: Refused) -> Entries:
    """What `tensorhold.save` takes, and the tensors that must live until it is done."""
    refuse_fake_mode()
    packed = copies("contiguous", contiguous)
    _check_savable(tensors, shared=copies("shared", shared), packed=packed)
    entries, kept = {}, []
    for name, tensor in tensors.items():
        dtype = _NAMES.get(tensor.dtype)
        if dtype is None:
            raise UnsupportedDtype(f"{tensor.dtype} of tensor `{name}` has no safetensors dtype")
        tensor = tensor.detach().to("cpu").resolve_conj().resolve_neg()
        tensor = tensor.contiguous()
        kept.append(tensor)
        shape = list(tensor.shape)
        nbytes = tensor.nelement() * tensor.element_size()
        if dtype == "F4" and shape:
            shape[-1] *= 2  # torch counts pairs
        entries[checked_name(name)] = (dtype, shape, _core._memory(tensor.data_ptr(), nbytes))
    return entries, kept


_adapter: ThroughDlpack[torch.Tensor] = ThroughDlpack(
    from_dlpack=_from_dlpack,
    types=_TYPES,
    viewed=_VIEWED,
    entries_of=_entries,
    moved=torch.Tensor.to,
    require_values=refuse_fake_mode,
)

load = _adapter.load
load_file = _adapter.load_file
save = _adapter.save
save_file = _adapter.save_file
tensor_of = _adapter.tensor_of
tensors_of = _adapter.tensors_of
parts_of = _adapter.parts_of


def _check_savable(tensors: Mapping[str, torch.Tensor], *, shared: bool, packed: bool) -> None:
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}"
                + flatten_advice(tensor)
            )
    require_values(tensors)
    sparse = [name for name, tensor in tensors.items() if tensor.layout != torch.strided]
    if sparse:
        raise ValueError(
            f"You are trying to save a sparse tensors: `{sparse}` which this library does not support. "
            "`.to_dense()` makes them dense, and the file larger."
        )
    together = [names for names in _find_shared_tensors(tensors) if len(names) > 1]
    if together and not shared:
        raise RuntimeError(
            "Some tensors share memory, this will lead to duplicate memory on disk and potential "
            f"differences when loading them again: {together}. `save_model` keeps one of each; "
            "`.clone()`, or `shared=\"copy\"` here, makes them independent."
        )
    if packed:
        return
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. Save "
                "the tensor that it is a view of and slice it after loading, or pack it with "
                "`.contiguous()`, or with `contiguous=\"copy\"` here."
            )


# Tensors that share memory. The names with an underscore are those by which users of the reference
# package import these.


def storage_ptr(tensor: torch.Tensor) -> int:
    """Address of the first byte of the tensor's storage; 0 where there is none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except RuntimeError:  # of subclasses that stand for others; NotImplementedError is one
        return 0


def storage_size(tensor: torch.Tensor) -> int:
    """Bytes of the tensor's storage; 0 where there is none."""
    try:
        return tensor.untyped_storage().nbytes()
    except RuntimeError:
        return 0


def _end_ptr(tensor: torch.Tensor) -> int:
    """Address after the tensor's last element."""
    if tensor.nelement() == 0:
        return tensor.data_ptr()
    last = sum((extent - 1) * step for extent, step in zip(tensor.shape, tensor.stride()))
    return tensor.data_ptr() + (last + 1) * tensor.element_size()


def _is_complete(tensor: torch.Tensor) -> bool:
    """Whether the tensor is all of its storage."""
    nbytes = tensor.nelement() * tensor.element_size()
    return tensor.data_ptr() == storage_ptr(tensor) and nbytes == storage_size(tensor)


def _find_shared_tensors(state_dict: Mapping[str, torch.Tensor]) -> list[set[str]]:
    """Names in groups whose tensors overlap in memory; a name alone is a group of one. Tensors
    without memory are in none."""
    storages: dict[tuple[torch.device, int, int], list[str]] = defaultdict(list)
    for name, tensor in state_dict.items():
        address, size = storage_ptr(tensor), storage_size(tensor)
        if tensor.device.type != "meta" and address != 0 and size != 0:
            storages[tensor.device, address, size].append(name)
    groups: list[set[str]] = []
    for names in storages.values():
        if len(names) == 1:
            groups.append(set(names))
            continue
        end = -1
        for begin, stop, name in sorted(
            (state_dict[name].data_ptr(), _end_ptr(state_dict[name]), name) for name in names
        ):
            if begin < end:
                groups[-1].add(name)
            else:
                groups.append({name})
            end = max(end, stop)
    return groups


def _remove_duplicate_names(
    state_dict: Mapping[str, torch.Tensor],
    *,
    preferred_names: Iterable[str] | None = None,
    discard_names: Iterable[str] | None = None,
) -> dict[str, list[str]]:
    """For each name to be saved, the names to leave out because they share its memory. A name is kept
    only if its tensor is all of its storage: one in `preferred_names` first, one in `discard_names`
    last."""
    preferred, discarded = set(preferred_names or ()), set(discard_names or ())
    removed: dict[str, list[str]] = defaultdict(list)
    for shared in _find_shared_tensors(state_dict):
        complete = {name for name in shared if _is_complete(state_dict[name])}
        if not complete:
            raise RuntimeError(
                "Error while trying to find names to remove to save state dict, but found no suitable "
                f"name to keep for saving amongst: {shared}. None is covering the entire storage, so "
                "more memory than needed could be saved. Use `.clone()` on them."
            )
        kept = min(complete & preferred or complete - discarded or complete)
        removed_here = sorted(shared - {kept})
        if removed_here:
            removed[kept].extend(removed_here)
    return removed


def _getdtype(dtype_str: str) -> torch.dtype:
    return _TYPES[dtype_str]


# Bytes of one element.
_SIZE = {dtype: torch.empty((), dtype=dtype).element_size() for dtype in _NAMES}
