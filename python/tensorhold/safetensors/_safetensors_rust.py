"""The names of the reference's extension module, from which some projects import."""

from tensorhold.safetensors import (
    SafetensorError,
    TensorSpec,
    __version__,
    deserialize,
    serialize,
    serialize_file,
)
from tensorhold.safetensors._open import _safe_open_handle, safe_open

__all__ = [
    "SafetensorError",
    "TensorSpec",
    "__version__",
    "_safe_open_handle",
    "deserialize",
    "safe_open",
    "serialize",
    "serialize_file",
]
