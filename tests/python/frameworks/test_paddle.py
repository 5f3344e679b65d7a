"""tensorhold.paddle with PaddlePaddle, and the reference package."""

from __future__ import annotations

import ctypes

import exchange
import pytest

paddle = exchange.imported("paddle")
np = exchange.imported("numpy")

BYTES = np.arange(96, dtype=np.uint8).reshape(2, 48)
TYPES = {
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


class TestPaddle(exchange.Exchange):
    adapter = "paddle"
    framework = "paddle"
    copies = False
    they_cannot_load = frozenset({"empty"})
    they_cannot_load_bytes = frozenset({"C64"})
    tensors = {
        name: paddle.to_tensor(BYTES).view(getattr(paddle, kind)) for name, kind in TYPES.items()
    } | {
        "BOOL": paddle.to_tensor([[True, False]]),
        "scalar": paddle.to_tensor(3.5, dtype="bfloat16"),
        "empty": paddle.zeros([3, 0, 2], dtype="int32"),
    }

    def raw(self, tensor):
        packed = tensor.contiguous()
        size = packed.size * packed.element_size()
        return ctypes.string_at(packed.data_ptr(), size) if size else b""


def test_loaded_tensors_may_be_written(tmp_path):
    ours = exchange.imported("tensorhold.paddle")
    path = tmp_path / "model.safetensors"
    ours.save_file({"a": paddle.zeros([1000], dtype="float32")}, path)
    before = path.read_bytes()
    loaded = ours.load_file(path)
    loaded["a"][:] = 7.0
    assert loaded["a"].sum().item() == 7000.0
    assert path.read_bytes() == before


def test_tensors_that_cannot_be_saved():
    ours = exchange.imported("tensorhold.paddle")
    square = paddle.arange(6).reshape([2, 3])
    with pytest.raises(ValueError, match="non contiguous tensor: `a`"):
        ours.save({"a": square.t() if not square.t().is_contiguous() else square[:, 1:]})
    with pytest.raises(KeyError, match="of tensor `a`"):
        ours.save({"a": paddle.to_tensor([1j], dtype="complex128")})
    sparse = paddle.sparse.sparse_coo_tensor([[0], [1]], [1.0], [2, 2])
    with pytest.raises(ValueError, match="`a` is sparse"):
        ours.save({"a": sparse})


def test_parameters_of_a_layer(tmp_path):
    ours = exchange.imported("tensorhold.paddle")
    layer, other = paddle.nn.Linear(4, 3), paddle.nn.Linear(4, 3)
    ours.save_file(dict(layer.state_dict()), tmp_path / "layer")
    other.set_state_dict(ours.load_file(tmp_path / "layer"))
    inputs = paddle.ones([2, 4])
    assert (layer(inputs) == other(inputs)).all().item()
