"""Frameworks by the names that safe_open takes, and devices by theirs."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, cast

from tensorhold.safetensors._errors import SafetensorError

_ADAPTERS = {
    "pt": "torch",
    "torch": "torch",
    "pytorch": "torch",
    "np": "numpy",
    "numpy": "numpy",
    "flax": "flax",
    "jax": "flax",
    "tf": "tensorflow",
    "tensorflow": "tensorflow",
    "mlx": "mlx",
    "paddle": "paddle",
}
_ON_DEVICES = ("torch", "paddle")


class Adapter(Protocol):
    """What safe_open needs of a module such as tensorhold.torch."""

    def tensors_of(self, file: Any, names: Any = None, **options: Any) -> dict[str, Any]: ...
    def tensor_of(self, tensor: Any, **options: Any) -> Any: ...
    def part_of(self, tensor: Any, index: Any, **options: Any) -> Any: ...


def framework_of(name: str) -> str:
    """Name of the adapter's module."""
    if not isinstance(name, str):
        kind = "None" if name is None else type(name).__name__
        raise TypeError(f"argument 'framework': '{kind}' is not an instance of 'str'")
    if name not in _ADAPTERS:
        raise SafetensorError(f"framework {name} is invalid")
    return _ADAPTERS[name]


def adapter_of(framework: str) -> Adapter:
    """The adapter, which imports its framework."""
    module = importlib.import_module(f"tensorhold.{framework}")
    return cast(Adapter, getattr(module, "_as_reference", module))


# Kinds of devices that torch and paddle know, with or without a number.
_NUMBERED = ("cuda", "xpu", "npu", "xla", "mlu", "musa", "hpu")
_PLAIN = ("cpu", "mps")


def device_of(device: Any, framework: str) -> Any:
    """The device, checked without asking the framework; "cpu" for None."""
    if device is None or device is ... or str(device) == "cpu":
        return "cpu"
    shown = device
    if isinstance(device, str):
        kind, colon, number = device.partition(":")
        if kind in _NUMBERED:
            if colon and not number.isdecimal():
                raise ValueError(f"device {device} is invalid: not a number after the colon")
            shown = f"{kind}:{number or 0}"
        elif device not in _PLAIN:
            raise SafetensorError(f"device {device} is invalid")
    elif isinstance(device, int) and not isinstance(device, bool):
        if device < 0:
            raise SafetensorError(f"device {device} is invalid")
    elif type(device).__name__ not in ("device", "Place"):
        raise SafetensorError(f"device {device!r} is invalid")
    if framework not in _ON_DEVICES:
        raise SafetensorError(f"Device {shown} is not supported for framework {framework}")
    return device
