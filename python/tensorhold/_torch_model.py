"""Loads tensors into a torch model, also one that was made without memory."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import torch

from tensorhold._torch_checks import is_fake


def refuse_fake(model: torch.nn.Module) -> None:
    """Raises where the model has parameters that cannot hold values."""
    for name, parameter in (*model.named_parameters(), *model.named_buffers()):
        if is_fake(parameter):
            raise RuntimeError(
                f"Parameter `{name}` of the model is a FakeTensor, which cannot hold values. Make the model "
                "outside of FakeTensorMode."
            )


def fill(
    model: torch.nn.Module, state: dict[str, torch.Tensor]
) -> tuple[set[str], list[str]]:
    """Loads `state`, and gives the names that it lacks and those that the model does not know.

    Parameters and buffers on the meta device become the loaded tensors, in their own dtype; into all
    others values are copied. RuntimeError where the model could not take what is in the file."""
    own = {
        name: tensor
        for name, tensor in model.state_dict(keep_vars=True).items()
        if isinstance(tensor, torch.Tensor)
    }
    empty = {name for name, tensor in own.items() if tensor.device.type == "meta"}
    _warn_of_others(model, empty)
    if not empty:
        result = model.load_state_dict(state, strict=False)
        return set(result.missing_keys), list(result.unexpected_keys)
    tied = _tied(model, empty)
    missing, unexpected = _assign(model, {name: _value(own.get(name), state[name]) for name in state})
    for names in tied:
        found = [name for name in names if name in state]
        if not found:
            continue
        kept = found[0]
        _tie(model, kept, names)
        missing -= set(names)
        unexpected += found[1:]
    left = sorted(
        name
        for name, tensor in model.state_dict().items()
        if name in state and isinstance(tensor, torch.Tensor) and tensor.device.type == "meta"
    )
    if left:
        raise RuntimeError(
            f"These are in the file, and the model, which is on the meta device, did not take them: {left}."
            " Give the model memory first: model.to_empty(device=...)."
        )
    return missing, unexpected


def _value(own: torch.Tensor | None, loaded: torch.Tensor) -> torch.Tensor:
    """What is to be assigned: on the meta device what was loaded, else the model's own with its values."""
    if own is None or own.shape != loaded.shape:
        return loaded  # which torch refuses in its own words
    if own.device.type == "meta":
        return loaded.to(own.dtype)
    with torch.no_grad():
        own.copy_(loaded)
    return own


def _assign(
    model: torch.nn.Module, state: dict[str, torch.Tensor]
) -> tuple[set[str], list[str]]:
    try:
        result = model.load_state_dict(state, strict=False, assign=True)
    except TypeError as error:
        raise RuntimeError(
            "The model is on the meta device, and this version of torch cannot assign to it. Give it memory "
            "first: model.to_empty(device=...)."
        ) from error
    return set(result.missing_keys), list(result.unexpected_keys)


def _tied(model: torch.nn.Module, names: set[str]) -> list[list[str]]:
    """The names in groups that are one parameter or buffer of the model."""
    groups: dict[int, list[str]] = defaultdict(list)
    for listed in (model.named_parameters, model.named_buffers):
        for name, tensor in listed(remove_duplicate=False):
            if name in names:
                groups[id(tensor)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _tie(model: torch.nn.Module, kept: str, names: list[str]) -> None:
    def place(name: str) -> tuple[dict[str, Any], str]:
        path, _, leaf = name.rpartition(".")
        owner = model.get_submodule(path)
        if leaf in owner._parameters:
            return owner._parameters, leaf
        return owner._buffers, leaf

    values, leaf = place(kept)
    value = values[leaf]
    for name in names:
        values, leaf = place(name)
        values[leaf] = value


def _warn_of_others(model: torch.nn.Module, known: set[str]) -> None:
    """Buffers that no file has stay without values, which nobody notices before they are used."""
    others = [
        name
        for name, buffer in model.named_buffers(remove_duplicate=False)
        if buffer.device.type == "meta" and name not in known
    ]
    if others:
        warnings.warn(
            f"Buffers that are not saved with the model are on the meta device, and stay there: {others}. "
            "Compute them after the load.",
            stacklevel=4,
        )
