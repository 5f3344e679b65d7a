"""Why a torch tensor cannot be saved, or loaded into: said by name, before a byte is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from tensorhold.errors import SliceError


def is_fake(tensor: Any) -> bool:
    """Whether it is of a FakeTensorMode, which keeps shapes and computes nothing."""
    # By name: the class's module takes long to import, and nobody has a fake tensor without it.
    return any(kind.__name__ == "FakeTensor" for kind in type(tensor).__mro__)


def refuse_fake_mode() -> None:
    """Raises where new tensors have no values, because a FakeTensorMode is active."""
    if is_fake(torch.empty(0)):
        raise RuntimeError(
            "FakeTensorMode is active: under it tensors have shapes and no values, so none can be "
            "loaded or saved. Leave the mode first."
        )


def require_values(tensors: Mapping[str, Any]) -> None:
    """Raises, with the name, for a tensor that is not wholly in memory of its own."""
    for name, tensor in tensors.items():
        if isinstance(tensor, torch.Tensor):
            _require_values(name, tensor)


def _require_values(name: str, tensor: torch.Tensor) -> None:
    kind = type(tensor).__name__
    if is_lazy(tensor):
        raise ValueError(
            f"Tensor `{name}` is an {kind}, which has no shape yet. Run the model once, or leave it out."
        )
    if is_fake(tensor):
        raise NotImplementedError(
            f"Tensor `{name}` is a FakeTensor, which has a shape and no values. Make the model outside "
            "of FakeTensorMode."
        )
    if tensor.device.type == "meta":
        raise NotImplementedError(
            f"Tensor `{name}` is on the meta device and has no values. Load or initialise it first, or "
            "leave it out."
        )
    if tensor.is_nested:
        raise ValueError(
            f"Tensor `{name}` is nested, rows of different lengths, which the format does not have. Save "
            "the tensors that its unbind() gives."
        )
    if tensor.layout != torch.strided:
        return  # which has its own error
    if tensor.is_quantized:
        raise ValueError(
            f"Tensor `{name}` is quantised, {tensor.dtype}, which the format does not have. Save what "
            "its dequantize() gives, or its int_repr() beside scale and zero point."
        )
    try:
        storage = tensor.untyped_storage()
        storage.data_ptr()
        held = storage.nbytes()
    except NotImplementedError:
        if tensor.device.type != "cpu":
            return  # devices that give no storage; the copy on the CPU has one
        raise _without_memory(name, tensor) from None
    except RuntimeError:
        raise _without_memory(name, tensor) from None
    needed = _bytes_spanned(tensor)
    if needed > held:
        raise ValueError(
            f"Tensor `{name}` needs {needed} bytes, and its memory holds {held} of them: it was given "
            "back or made smaller (resize_ of its storage). Gather or load the tensor first, or leave it "
            "out."
        )


def _without_memory(name: str, tensor: torch.Tensor) -> Exception:
    """For a subclass that stands for others: distributed, quantised, of a transformation."""
    kind = type(tensor).__name__
    if any(base.__name__ == "DTensor" for base in type(tensor).__mro__):
        advice = "Give its full_tensor(), or its to_local() for this process's part."
    elif type(tensor).dequantize is not torch.Tensor.dequantize:
        advice = "Give its dequantize()"
        advice += f", or save its parts: {_parts(tensor)}." if _parts(tensor) else "."
    else:
        advice = f"Save the tensors that it stands for{_parts(tensor) and ': '}{_parts(tensor)}."
    return NotImplementedError(
        f"Tensor `{name}` is a {kind}, which has no memory of its own to save. {advice}"
    )


def _parts(tensor: Any) -> str:
    """Names of a wrapper's tensors, where it tells them."""
    try:
        names, _ = tensor.__tensor_flatten__()
        return ", ".join(map(str, names))
    except Exception:
        return ""


def _bytes_spanned(tensor: torch.Tensor) -> int:
    """Bytes of the storage up to the tensor's last element."""
    if tensor.nelement() == 0:
        return 0
    last = sum((extent - 1) * step for extent, step in zip(tensor.shape, tensor.stride()))
    return (int(tensor.storage_offset()) + last + 1) * tensor.element_size()


def pairs_index(index: Any, shape: tuple[int, ...]) -> Any:
    """`index` of an F4 tensor of that shape in the unit of torch, which keeps the last axis in pairs.
    SliceError where it does not begin and end on whole pairs."""
    parts = list(index) if isinstance(index, tuple) else [index]
    axes = [_axes_of(part) for part in parts]
    used = [position for position, count in enumerate(axes) if count]
    # Not index(): tensors compare element by element.
    behind = next((position for position, part in enumerate(parts) if part is ...), None)
    reached = used and (sum(axes) >= len(shape) if behind is None else used[-1] > behind)
    if not reached:
        return index
    parts[used[-1]] = _in_pairs(parts[used[-1]], shape[-1])
    return tuple(parts)


def _axes_of(part: Any) -> int:
    """How many axes a part of an index stands for."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    if isinstance(part, slice):
        return 1
    array = torch.as_tensor(part)
    return array.ndim if array.dtype in (torch.bool, torch.uint8) else 1


def _in_pairs(part: Any, extent: int) -> slice:
    if isinstance(part, slice):
        start, stop, step = part.indices(extent)
        count = len(range(start, stop, step))
        if step < 0:
            return part  # refused by torch, in its own words
        if count == 0:
            return slice(0, 0)
        if step == 1 and start % 2 == 0 and stop % 2 == 0:
            return slice(start // 2, stop // 2)
    raise SliceError(
        "the part does not begin and end on whole bytes; an element of F4 has 4 bits. Along the last "
        "axis, take slices that begin and end at even positions.",
        "invalid_slice",
        304,
    )
