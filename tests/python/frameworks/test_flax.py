"""tensorhold.flax with jax and flax, and the reference package."""

from __future__ import annotations

import warnings

import exchange
import pytest

jax = exchange.imported("jax")
jnp = exchange.imported("jax.numpy")
np = exchange.imported("numpy")
jax.config.update("jax_enable_x64", True)

BYTES = np.arange(96, dtype=np.uint8).reshape(2, 48)
TYPES = {
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
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
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}


class TestFlax(exchange.Exchange):
    adapter = "flax"
    framework = "flax"
    they_cannot_load = frozenset(name for name in TYPES if name.startswith("F8"))
    they_cannot_load_bytes = frozenset({"BF16", "scalar"})
    tensors = {name: jnp.array(BYTES.view(jnp.dtype(kind))) for name, kind in TYPES.items()} | {
        "BOOL": jnp.array([[True, False]]),
        "scalar": jnp.array(3.5, jnp.bfloat16),
        "empty": jnp.zeros((3, 0, 2), jnp.int32),
    }

    def raw(self, tensor):
        return np.asarray(tensor).tobytes()


def test_without_64_bits(tmp_path):
    """As jax is set by default, it makes 32 bits of 64: an error, unless that is accepted. The drop-in
    does as the reference package, and says so."""
    ours, theirs = (exchange.imported(f"{name}.flax") for name in ("tensorhold", "safetensors"))
    dropin = exchange.imported("tensorhold.safetensors")
    flax = exchange.imported("tensorhold.safetensors.flax")
    path = tmp_path / "wide.safetensors"
    ours.save_file({"a": jnp.arange(3, dtype=jnp.int64), "b": jnp.ones(2, jnp.float64)}, path)
    jax.config.update("jax_enable_x64", False)
    try:
        content = path.read_bytes()
        native = exchange.imported("tensorhold")
        advice = r"tensor `a` is I64.*jax_enable_x64.*narrowing=\"accept\""
        for attempt in (
            lambda: ours.load_file(path),
            lambda: ours.load(content),
            lambda: ours.tensors_of(native.open(path), ["a"]),
            lambda: ours.tensor_of(native.open(path).writable("a")),
            lambda: ours.part_of(native.open(path)["a"], slice(0, 2)),
        ):
            with pytest.raises(ValueError, match=advice) as caught:
                attempt()
            assert (caught.value.code, caught.value.tensor) == ("dtype_mismatch", "a")
        with pytest.raises(ValueError, match="expected one of"):
            ours.load(content, narrowing="maybe")
        only = native.serialize({"a": np.arange(3)})
        with pytest.warns(UserWarning, match=advice):
            assert ours.load(only, narrowing="warn")["a"].tolist() == [0, 1, 2]
        with pytest.warns(UserWarning, match=advice):
            flax.load(only)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert str(flax.load_file(path)["a"].dtype) == "int32"
        with dropin.safe_open(path, "flax") as file:
            for attempt in (lambda: file.get_tensor("a"), lambda: file.get_slice("a")[:1]):
                with pytest.warns(UserWarning, match=advice):
                    assert str(attempt().dtype) == "int32"
        for loaded in (theirs.load_file(path), ours.load_file(path, narrowing="accept")):
            assert {name: str(array.dtype) for name, array in loaded.items()} == {
                "a": "int32",
                "b": "float32",
            }
            assert loaded["a"].tolist() == [0, 1, 2]
    finally:
        jax.config.update("jax_enable_x64", True)


def test_a_deleted_array_is_named():
    ours = exchange.imported("tensorhold.flax")
    array = jnp.ones(3)
    array.delete()
    with pytest.raises(RuntimeError, match="tensor `layer.7`: .*deleted"):
        ours.save({"fine": jnp.ones(2), "layer.7": array})
    with pytest.raises(KeyError, match="[Ff]latten"):
        ours.save({"params": {"kernel": jnp.ones(2)}})


def test_native_saves_take_arrays_of_jax():
    native = exchange.imported("tensorhold")
    for array in (jnp.array([1.5, 2.0], jnp.bfloat16), jnp.arange(6).reshape(2, 3).T, jnp.float32(3)):
        file = native.open(native.serialize({"a": array}))
        assert file["a"].tolist() == array.tolist() and file["a"].shape == array.shape


def test_imports_by_dlpack_are_immutable(tmp_path):
    native = exchange.imported("tensorhold")
    path = tmp_path / "a.safetensors"
    native.save(path, {"a": np.arange(1000.0)}, align=64)
    with native.open(path, access="mapped") as file:
        for tensor in (file["a"], file["a"]):
            first = jnp.from_dlpack(tensor)
            other = np.from_dlpack(tensor)
            other[:] = 7
            np.asarray(file.writable("a"))[:] = 8
            assert (first == jnp.arange(1000.0)).all()


def test_an_import_wraps_where_a_load_refuses():
    native, ours = exchange.imported("tensorhold"), exchange.imported("tensorhold.flax")
    content = native.serialize({"a": np.array([2**40 + 7, 1])})
    jax.config.update("jax_enable_x64", False)
    try:
        assert jnp.from_dlpack(native.open(content)["a"]).tolist() == [7, 1]
        with pytest.raises(ValueError, match="jax_enable_x64"):
            ours.load(content)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_arrays_over_a_mapped_file_are_their_own_after_a_release(tmp_path):
    native, ours = exchange.imported("tensorhold"), exchange.imported("tensorhold.flax")
    path = tmp_path / "a.safetensors"
    before = np.arange(10_000.0)
    native.save(path, {"a": before}, align=4096)
    with native.open(path, access="mapped") as file:
        array, offset = np.asarray(file["a"]), file.info("a").offset
        shared = [jax.device_put(array), jnp.from_dlpack(file["a"])]
        assert shared[0].unsafe_buffer_pointer() == array.ctypes.data
    loaded = ours.load_file(path, access="mapped")["a"]

    def write(value):
        with open(path, "r+b") as others:
            others.seek(offset)
            others.write(np.full(100, value).tobytes())

    write(8.0)
    assert shared[0][0] == shared[1][0] == 8 and loaded[0] == 0
    native.release(path)
    write(9.0)
    for one in shared:
        assert one[:100].tolist() == [8.0] * 100 and (one[100:] == before[100:]).all()
    assert (loaded == before).all()


def test_parameters_of_a_flax_module(tmp_path):
    linen = exchange.imported("flax.linen")
    traverse = exchange.imported("flax.traverse_util")
    ours = exchange.imported("tensorhold.flax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = linen.Dense(3)
        inputs = jnp.arange(8.0).reshape(2, 4)
        parameters = model.init(jax.random.key(0), inputs)
        ours.save_file(traverse.flatten_dict(parameters, sep="/"), tmp_path / "dense")
        loaded = traverse.unflatten_dict(ours.load_file(tmp_path / "dense"), sep="/")
        assert (model.apply(loaded, inputs) == model.apply(parameters, inputs)).all()
