"""Frameworks by the names that safe_open takes, and devices by theirs."""

from __future__ import annotations

import importlib
import operator
from typing import Any, Protocol, cast

from tensorhold.safetensors._arguments import text
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
    if text("framework", name) not in _ADAPTERS:
        raise SafetensorError(f"framework {name} is invalid")
    return _ADAPTERS[name]


def adapter_of(framework: str) -> Adapter:
    """The adapter, which imports its framework."""
    module = importlib.import_module(f"tensorhold.{framework}")
    return cast(Adapter, getattr(module, "_as_reference", module))


# Kinds of devices that have a number, 0 where none is given.
_NUMBERED = ("cuda", "musa", "npu", "xpu", "xla", "mlu", "hpu")


def device_of(device: Any, framework: str) -> Any:
    """The device as the reference takes it, or else as the framework itself does; "cpu" for None."""
    if device is None or device is ... or device == "cpu":
        return "cpu"
    if isinstance(device, str):
        try:
            return _device_of_text(device)
        except (SafetensorError, ValueError):
            if device.startswith("mps:") or not _known(device, framework):
                raise
            return device
    number = _number_of(device)
    if number is not None:
        return number
    if type(device).__name__ in ("device", "Place") and framework in _ON_DEVICES:
        return "cpu" if str(device) == "cpu" else device
    raise SafetensorError(f"device {device!r} is invalid")


def _device_of_text(device: str) -> str:
    kind, colon, number = device.partition(":")
    if device == "mps" or kind == "mps" and colon:
        if colon and _parsed(device) != 0:
            raise SafetensorError(f"device {device} is invalid: only mps or mps:0 is supported")
        return "mps"
    if kind not in _NUMBERED:
        raise SafetensorError(f"device {device} is invalid")
    return f"{kind}:{_parsed(device) if colon else 0}"


def _parsed(device: str) -> int:
    """The number of a device, refused in the words of the reference's language."""
    _, *numbers = device.split(":")
    if len(numbers) != 1:
        raise SafetensorError(f"device {device} is invalid")
    digits = numbers[0].removeprefix("+")
    if not numbers[0]:
        raise ValueError("cannot parse integer from empty string")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("invalid digit found in string")
    if int(digits) >= 2**64:
        raise ValueError("number too large to fit in target type")
    return int(digits)


def _known(device: str, framework: str) -> bool:
    """Whether the framework knows the device, such as "meta" or "cpu:0" of torch."""
    if framework == "paddle":
        return device.partition(":")[0] in ("gpu", "gpu_pinned")
    if framework != "torch":
        return False
    try:
        importlib.import_module("torch").device(device)
    except (RuntimeError, ImportError):
        return False
    return True


def _number_of(device: Any) -> int | None:
    try:
        number = operator.index(device)
    except TypeError:
        return None
    return number if 0 <= number < 2**64 else None


def check_supported(device: Any, framework: str, name: str) -> None:
    if device != "cpu" and framework not in _ON_DEVICES:
        raise SafetensorError(f"Device {device} is not supported for framework {name}")
