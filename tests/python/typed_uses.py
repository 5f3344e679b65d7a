"""Uses that type checkers must accept; test_package.py has mypy read them."""

import io
from pathlib import Path

import numpy as np

import tensorhold
from tensorhold.numpy import load_file, save_file
from tensorhold.safetensors import safe_open


def uses(path: Path) -> None:
    array = np.zeros((2, 3), np.float32)
    tensorhold.save(path, {"a": array, "b": np.float32(1), "c": ("U8", (1,), b"x")}, progress=True)
    tensorhold.save(path, {"a": ("F32", array.shape, array)}, progress=lambda done, total: None)
    tensorhold.overwrite(path, "a", array, progress=False)
    with tensorhold.Writer(path, {"a": ("F32", (2, 3))}) as writer:
        writer.write("a", array)
        writer.write_at("a", 0, array[0])
        writer.write_at("a", 0, b"abcd")
    with tensorhold.open(array.view(np.uint8)) as file:
        file.copy_to({"a": array, "b": bytearray(4)})
        tensor = file["a"]
        tensorhold.save(path, {"a": tensor})
        print(int(tensor), float(tensor), complex(tensor), bool(tensor), range(tensor))
    tensorhold.release(path, progress=True)
    save_file(load_file(path, progress=False), path, progress=True)
    with path.open("rb") as stream:
        tensors, metadata = load_file(stream, with_metadata=True)
        print(tensors["a"].shape, None if metadata is None else metadata["format"])
        tensorhold.open(stream)
    target = io.BytesIO()
    tensorhold.save(target, {"a": array})
    save_file({"a": array}, target)
    with safe_open(path, "np") as opened:
        opened.metadata()
        names: list[str] = opened.keys()
        print(names)
