"""tensorhold.mlx with mlx, and the reference package."""

from __future__ import annotations

import os

import exchange
import pytest

mx = exchange.imported("mlx.core")
np = exchange.imported("numpy")

BYTES = mx.arange(96, dtype=mx.uint8).reshape(2, 48)
TYPES = {
    "U8": mx.uint8,
    "I8": mx.int8,
    "U16": mx.uint16,
    "I16": mx.int16,
    "U32": mx.uint32,
    "I32": mx.int32,
    "U64": mx.uint64,
    "I64": mx.int64,
    "F16": mx.float16,
    "BF16": mx.bfloat16,
    "F32": mx.float32,
    "F64": mx.float64,
    "C64": mx.complex64,
}


class TestMlx(exchange.Exchange):
    adapter = "mlx"
    framework = "mlx"
    they_cannot_save = frozenset({"BF16", "scalar"})
    they_cannot_load = frozenset({"F64"})  # which they make float32
    they_cannot_load_bytes = frozenset({"BF16", "scalar"})
    tensors = {
        name: mx.view(BYTES, kind, stream=mx.cpu) for name, kind in TYPES.items()
    } | {
        "BOOL": mx.array([[True, False]]),
        "scalar": mx.array(3.5, mx.bfloat16),
        "empty": mx.zeros((3, 0, 2), mx.int32),
    }

    def raw(self, tensor):
        if tensor.size == 0:
            return b""
        return np.array(tensor.reshape(-1).view(mx.uint8)).tobytes()


def test_values_are_kept_as_mlx_itself_keeps_them(tmp_path):
    ours, native = exchange.imported("tensorhold.mlx"), exchange.imported("tensorhold")
    path = str(tmp_path / "m.safetensors")
    native.save(path, {
        "e4m3": ("F8_E4M3", (2, 2), bytes([0x38, 0x7F, 0x80, 1])),
        "e8m0": ("F8_E8M0", (3,), bytes([127, 255, 0])),
        "f64": np.array([1 / 3, 1e300]),
        "bf16": ("BF16", (2,), b"\x80\x3f\x00\xc0"),
    })
    loaded = ours.load_file(path)
    assert loaded["f64"].dtype == mx.float64 and loaded["f64"].tolist() == [1 / 3, 1e300]
    assert loaded["bf16"].dtype == mx.bfloat16 and loaded["bf16"].tolist() == [1, -2]
    for name, theirs in mx.load(str(only(native, path, ("e4m3", "e8m0")))).items():
        assert loaded[name].dtype == theirs.dtype == mx.uint8
        assert loaded[name].tolist() == theirs.tolist()
    assert native.open(ours.save({"f64": loaded["f64"]}))["f64"].tolist() == [1 / 3, 1e300]


def only(native, path, names):
    other = path + ".some"
    with native.open(path) as file:
        native.save(other, {name: file[name] for name in names})
    import os

    os.rename(other, other + ".safetensors")
    return other + ".safetensors"


@pytest.mark.parametrize("dtype", ["F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F4", "F6_E2M3", "F6_E3M2"])
def test_dtypes_that_mlx_lacks_are_named(dtype):
    ours, native = exchange.imported("tensorhold.mlx"), exchange.imported("tensorhold")
    size = {"F4": 2, "F6": 3}.get(dtype[:2], 4)
    content = native.serialize({"layer.7": (dtype, (4,), bytes(size))})
    with pytest.raises(NotImplementedError, match=f'tensor "layer.7": .*{dtype}'):
        ours.load(content)


def test_native_saves_take_arrays_of_mlx():
    native = exchange.imported("tensorhold")
    for array in (mx.array([1.5, 2.0], mx.bfloat16), mx.arange(6).reshape(2, 3).T):
        file = native.open(native.serialize({"a": array}))
        assert file["a"].tolist() == array.tolist() and file["a"].shape == array.shape


def test_transposed_arrays_keep_their_values():
    ours, theirs = exchange.imported("tensorhold.mlx"), exchange.imported("safetensors.mlx")
    for array in (mx.arange(6).reshape(2, 3).T, mx.arange(24).reshape(2, 3, 4)[:, ::2]):
        assert ours.load(ours.save({"a": array}))["a"].tolist() == array.tolist()
        loaded = theirs.load(theirs.save({"a": array}))["a"]
        assert loaded.shape == array.shape and loaded.tolist() != array.tolist()


def test_mlx_saves_into_the_file_that_is_mapped(tmp_path):
    """It truncates what is there; and its headers have null for metadata and any length."""
    native = exchange.imported("tensorhold")
    path = str(tmp_path / "m.safetensors")
    mx.save_safetensors(path, {"w": mx.arange(100_000)})
    with native.open(path, access="mapped", guard=True) as file:
        assert file.header_bytes % 8 != 0 and file.metadata is None
        tensor, before = file["w"], os.stat(path).st_ino
        kept = native.mlx.load_file(path)["w"]
        mx.save_safetensors(path, {"w": mx.arange(10)})
        assert os.stat(path).st_ino == before
        assert file.check() == "truncated"
        with pytest.raises(OSError) as caught:
            tensor.copy()
        assert (caught.value.code, caught.value.tensor) == ("truncated", "w")
        assert (kept == mx.arange(100_000)).all().item()
    # Ours gives the path another file.
    with native.open(path, access="mapped") as file:
        tensor = file["w"]
        native.mlx.save_file({"w": mx.arange(3)}, path)
        assert tensor.tolist() == list(range(10)) and file.check() == "replaced"
