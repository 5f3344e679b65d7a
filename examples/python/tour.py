"""Opens a file, looks into it, takes parts, and changes it while its tensors live.

    python tour.py model.safetensors
"""

import shutil
import sys
import tempfile
from pathlib import Path

import tensorhold


def tour(model: Path, folder: Path) -> None:
    path = folder / "model.safetensors"
    shutil.copy(model, path)

    with tensorhold.open(path, label="tour") as file:
        print(file, file.why)
        for name in file:
            info = file.info(name)
            print(f"  {info.name:24} {info.dtype:5} {info.shape}")
        tensor = file[file.keys()[0]]  # no copy
        first: tensorhold.Tensor = tensor[0:1]  # an owned copy of just that
        print(first, first.tolist())

    # The tensor still holds the file; a release keeps its address and values.
    holder: tensorhold.Holder
    for holder in tensorhold.holders(path):
        print(f"held by {holder.tensor or holder.pid}, {holder.how}")
    released = tensorhold.release(path)
    print(f"released {released.tensors} tensor, {released.bytes} bytes")

    # Saving over the file, removing it: whatever is mapped.
    metadata: dict[str, str] = {"format": "pt"}
    tensorhold.save(path, {"kept": tensor, "more": ("U8", (2,), b"ab")}, metadata)
    tensorhold.remove(path)
    print(tensor.tolist())

    try:
        tensorhold.open(path)
    except FileNotFoundError as error:
        assert isinstance(error, tensorhold.Error)
        print(error.code)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        tour(Path(sys.argv[1]), Path(scratch))
