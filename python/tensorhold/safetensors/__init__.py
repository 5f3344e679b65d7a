"""A drop-in for the package `safetensors`, as of its version 0.8.0: the same names, signatures and
errors, served by tensorhold.

    import tensorhold.safetensors as safetensors
    from tensorhold.safetensors.torch import load_file, save_file

`python -m tensorhold.dropin script.py` serves it to a script as it is. What differs on purpose is in
docs/python.md.
"""

from importlib import import_module as _import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tensorhold.safetensors._errors import SafetensorError
    from tensorhold.safetensors._open import _safe_open_handle, safe_open
    from tensorhold.safetensors._raw import TensorSpec, deserialize, serialize, serialize_file

# Of the package whose interface this is.
__version__ = "0.8.0"

__all__ = [
    "SafetensorError",
    "TensorSpec",
    "__version__",
    "deserialize",
    "safe_open",
    "serialize",
    "serialize_file",
]

# Where each name is, imported when it is first asked for.
_PLACES = {
    "SafetensorError": "_errors",
    "TensorSpec": "_raw",
    "_safe_open_handle": "_open",
    "deserialize": "_raw",
    "safe_open": "_open",
    "serialize": "_raw",
    "serialize_file": "_raw",
}


def __getattr__(name: str) -> "Any":
    if name in _PLACES:
        found = getattr(_import_module(f"{__name__}.{_PLACES[name]}"), name)
    elif name == "_safetensors_rust":
        found = _import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES, "_safetensors_rust"})
