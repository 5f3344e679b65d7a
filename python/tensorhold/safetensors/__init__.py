"""A drop-in for the package `safetensors`, as of its version 0.8.0: the same names, signatures and
errors, served by tensorhold.

    import tensorhold.safetensors as safetensors
    from tensorhold.safetensors.torch import load_file, save_file

`python -m tensorhold.dropin script.py` serves it to a script as it is. What differs on purpose is in
docs/python.md.
"""

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
