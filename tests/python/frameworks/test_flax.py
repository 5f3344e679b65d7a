"""tensorhold.flax with jax and flax, and the reference package."""

from __future__ import annotations

import warnings

import exchange

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
    """As jax is set by default, it makes 32 bits of 64, for both packages."""
    ours, theirs = (exchange.imported(f"{name}.flax") for name in ("tensorhold", "safetensors"))
    path = tmp_path / "wide.safetensors"
    ours.save_file({"a": jnp.arange(3, dtype=jnp.int64), "b": jnp.ones(2, jnp.float64)}, path)
    jax.config.update("jax_enable_x64", False)
    try:
        for module in (ours, theirs):
            loaded = module.load_file(path)
            assert {name: str(array.dtype) for name, array in loaded.items()} == {
                "a": "int32",
                "b": "float32",
            }
            assert loaded["a"].tolist() == [0, 1, 2]
    finally:
        jax.config.update("jax_enable_x64", True)


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
