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
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
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
    they_cannot_save = frozenset({"U32", "U64"})
    they_cannot_load = frozenset({"empty", "U32", "U64"})
    they_cannot_load_bytes = frozenset({"C64", "U32", "U64"})
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


def given_back(how):
    tensor = paddle.ones([1000])
    getattr(tensor, how)()
    return tensor


@pytest.mark.parametrize("how", ["_clear_data", "_clear", "_clear_dataptr", "_clear_to_zero_allocation"])
def test_a_tensor_without_memory_is_refused_by_name(how, tmp_path):
    ours = exchange.imported("tensorhold.paddle")
    native = exchange.imported("tensorhold")
    for attempt in (lambda: ours.save({"layer.7": given_back(how)}),
                    lambda: ours.save_file({"layer.7": given_back(how)}, tmp_path / "x"),
                    lambda: native.serialize({"layer.7": given_back(how)})):
        with pytest.raises(ValueError, match="`layer.7` has no memory"):
            attempt()
    with paddle.LazyGuard():
        lazy = paddle.nn.Linear(3, 2)
    with pytest.raises(ValueError, match="never initialised"):
        ours.save({"w": lazy.weight})


def test_dtypes_that_paddle_lacks_are_named():
    ours = exchange.imported("tensorhold.paddle")
    native = exchange.imported("tensorhold")
    for dtype in ("U16", "F8_E8M0", "F8_E4M3FNUZ", "F4"):
        size = 2 if dtype == "U16" else 1
        content = native.serialize({"layer.7": (dtype, (2,), bytes(2 * size if dtype != "F4" else 1))})
        with pytest.raises(Exception, match=f'tensor "layer.7": .*{dtype}'):
            ours.load(content)


def test_tensors_that_are_not_contiguous_are_packed_when_asked():
    ours = exchange.imported("tensorhold.paddle")
    part = paddle.arange(6).reshape([2, 3])[:, 1:]
    given = part if not part.is_contiguous() else paddle.arange(6).reshape([2, 3]).t()
    loaded = ours.load(ours.save({"a": given}, contiguous="copy"))["a"]
    assert loaded.tolist() == given.tolist()


def test_native_saves_take_paddles_tensors():
    native = exchange.imported("tensorhold")
    file = native.open(native.serialize({"a": paddle.to_tensor([1.5, 2.0], dtype="bfloat16")}))
    assert file["a"].dtype == "BF16" and file["a"].tolist() == [1.5, 2.0]


def test_parameters_of_a_layer(tmp_path):
    ours = exchange.imported("tensorhold.paddle")
    layer, other = paddle.nn.Linear(4, 3), paddle.nn.Linear(4, 3)
    ours.save_file(dict(layer.state_dict()), tmp_path / "layer")
    other.set_state_dict(ours.load_file(tmp_path / "layer"))
    inputs = paddle.ones([2, 4])
    assert (layer(inputs) == other(inputs)).all().item()
