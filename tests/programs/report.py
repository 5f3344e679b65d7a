"""What a program says of what it saved, loaded and was refused, so that two runs can be compared.

    with_LIBRARY.py REPORT PACKAGE path|all

runs the program's steps, each in a folder of its own below the current one, and writes REPORT: JSON.
PACKAGE is the name of the module that must answer `import safetensors`.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

# A pickle has what is not of interest here, such as the order in which strings were made.
_NAMES_ONLY = {".bin", ".pt", ".pkl"}


class Report:
    def __init__(self) -> None:
        self.lines: list[list[Any]] = []

    def value(self, what: str, value: Any) -> None:
        self.lines.append([what, value])

    def tensors(self, what: str, tensors: Mapping[str, Any]) -> None:
        """Names in order, dtypes, shapes and bytes."""
        assert tensors, what
        self.value(what, [[name, *_described(tensor)] for name, tensor in tensors.items()])

    def refused(self, what: str, call: Callable[[], Any]) -> None:
        """The error of a call that must fail."""
        try:
            call()
        except Exception as error:
            words = str(error).replace(os.getcwd(), ".")
            # Who catches what the reference raises also catches subclasses of it.
            kinds = (
                kind for kind in type(error).__mro__ if not kind.__module__.startswith("tensorhold.")
                or kind.__name__ == "SafetensorError"
            )
            self.value(what, [next(kinds).__name__, words])
        else:
            raise AssertionError(f"{what} was not refused")

    def files(self, folder: pathlib.Path) -> None:
        """Every file below the folder, with its bytes."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                content = b"" if file.suffix in _NAMES_ONLY else file.read_bytes()
                if file.suffix == ".safetensors":
                    content = _in_order(content)
                self.value(str(file.relative_to(folder)), _hash(content))


def _in_order(content: bytes) -> bytes:
    """The file with its notes sorted where it has several: the reference writes those in an order that
    differs from run to run."""
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:end])
    except ValueError:  # cut
        return content
    notes = header.get("__metadata__", {})
    if len(notes) < 2:
        return content
    said = json.dumps([sorted(notes.items()), list(header.items())[1:]])
    assert next(iter(header)) == "__metadata__"
    return content[:8] + said.encode() + content[end:]


def _hash(content: Any) -> str:
    return hashlib.sha256(content).hexdigest()


def _described(tensor: Any) -> list[Any]:
    import torch

    if isinstance(tensor, torch.Tensor):
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return [str(tensor.dtype), list(tensor.shape), _hash(flat.numpy().tobytes())]
    return [str(tensor.dtype), list(tensor.shape), _hash(tensor.tobytes())]


def cut(file: str | os.PathLike[str], size: int) -> None:
    """Leaves the first bytes of a file, as a download that broke off."""
    assert os.path.getsize(file) > size
    os.truncate(file, size)


def run(path: Callable[[Report], None], *rest: Callable[[Report], None]) -> None:
    import safetensors
    import torch

    target, package, extent = sys.argv[1:]
    target = os.path.abspath(target)
    assert safetensors.__name__ == package, f"safetensors is {safetensors.__name__}, not {package}"
    # The sum of a loss is the same in each run with one thread only.
    torch.set_num_threads(1)
    report = Report()
    top = pathlib.Path.cwd()
    for step in (path, *rest) if extent == "all" else (path,):
        folder = top / step.__name__
        folder.mkdir()
        os.chdir(folder)
        torch.manual_seed(0)
        report.value("step", step.__name__)
        step(report)
        report.files(folder)
    pathlib.Path(target).write_text(json.dumps(report.lines, indent=1))
