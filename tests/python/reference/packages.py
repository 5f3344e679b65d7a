"""The reference package and the drop-in for it, and files for both."""

from __future__ import annotations

import importlib
import json
import struct
from types import ModuleType
from typing import Any

import pytest

REFERENCE = "safetensors"
OURS = "tensorhold.safetensors"
BOTH = (REFERENCE, OURS)


def package(name: str, submodule: str = "") -> ModuleType:
    """A package or a submodule of it; the test is skipped where the reference is not installed."""
    if name == REFERENCE:
        pytest.importorskip(REFERENCE)
    return importlib.import_module(f"{name}.{submodule}" if submodule else name)


def file_content(header: Any, data: bytes = b"") -> bytes:
    """A file of that header: JSON for a dict, as it is for bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
