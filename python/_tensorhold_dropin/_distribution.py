"""What importlib.metadata says of `safetensors` while tensorhold serves it: programs ask for its
version before they use it."""

from __future__ import annotations

import pathlib
from importlib.metadata import Distribution, PackagePath
from os import PathLike

# As of the package whose interface this is.
VERSION = "0.8.0"

# What each extra of it asks for.
_EXTRAS = {
    "all": "safetensors[torch] safetensors[numpy] safetensors[jax] safetensors[paddlepaddle] "
    "safetensors[convert] safetensors[quality] safetensors[testing]",
    "convert": "safetensors[torch] huggingface-hub>=1.4",
    "dev": "safetensors[all] safetensors[pinned-tf]",
    "jax": "safetensors[numpy] flax>=0.6.3 jax>=0.3.25 jaxlib>=0.3.25",
    "mlx": "mlx>=0.0.9",
    "numpy": "numpy>=1.24.6",
    "paddlepaddle": "safetensors[numpy] paddlepaddle>=2.4.1",
    "pinned-tf": "safetensors[numpy] tensorflow==2.18.0",
    "quality": "ruff",
    "tensorflow": "safetensors[numpy] tensorflow>=2.11.0",
    "testing": "safetensors[numpy] h5py>=3.7.0 setuptools-rust>=1.12.0 pytest>=9.0 "
    "pytest-benchmark>=5.2 hypothesis>=6.70.2 fsspec>=2024.6.0 s3fs>=2024.6.0",
    "tf-nightly": "safetensors[numpy] tf-nightly",
    "torch": "safetensors[numpy] torch>=2.4",
}


def _metadata() -> str:
    lines = ["Metadata-Version: 2.4", "Name: safetensors", f"Version: {VERSION}"]
    lines.append("Summary: Served by tensorhold")
    for extra, wanted in _EXTRAS.items():
        lines += (f"Requires-Dist: {one} ; extra == '{extra}'" for one in wanted.split())
    lines += (f"Provides-Extra: {extra}" for extra in _EXTRAS)
    lines.append("Requires-Python: >=3.10")
    return "\n".join(lines) + "\n"


class _Served(Distribution):
    def read_text(self, filename: str | PathLike[str]) -> str | None:
        if filename in ("METADATA", "PKG-INFO"):
            return _metadata()
        return {"top_level.txt": "safetensors\n", "INSTALLER": "tensorhold\n"}.get(str(filename))

    def locate_file(self, path: str | PathLike[str] | PackagePath) -> pathlib.Path:
        return pathlib.Path(__file__).parents[1] / path


def distribution() -> Distribution:
    return _Served()
