"""The pieces of code in docs/python.md and in the README run as they stand."""

import pathlib
import re
import shutil

import numpy as np
import pytest

import tensorhold

ROOT = pathlib.Path(__file__).parents[2]
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("docs/python.md", "README.md")
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)
    )
]


def test_both_have_code():
    assert len(BLOCKS) >= 5 and any("README" in block.id for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.safetensors"
    shutil.copy(model, path)
    tensor = tensorhold.open(model)["tensor1.int64"]
    names = {"tensorhold": tensorhold, "path": path, "other": tmp_path / "other.safetensors",
             "tensor": tensor, "array": np.zeros((2, 2)), "data": bytes(12)}
    exec(compile(block, "block", "exec"), names)
