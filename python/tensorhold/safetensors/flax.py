"""`safetensors.flax`, served by `tensorhold.flax`."""

from tensorhold.flax import _as_reference as _native
from tensorhold.safetensors._errors import CONTENT, HEADER, SAVING, as_reference

__all__ = [
    "load",
    "load_file",
    "save",
    "save_file",
]

load = as_reference(_native.load, CONTENT, __name__)
load_file = as_reference(_native.load_file, HEADER, __name__)
save = as_reference(_native.save, SAVING, __name__)
save_file = as_reference(_native.save_file, SAVING, __name__)
