"""tensorhold.tensorflow with TensorFlow, and the reference package."""

from __future__ import annotations

import exchange
import pytest

tf = exchange.imported("tensorflow")
np = exchange.imported("numpy")

BYTES = np.arange(96, dtype=np.uint8).reshape(2, 48)
TYPES = {
    "U8": tf.uint8,
    "I8": tf.int8,
    "U16": tf.uint16,
    "I16": tf.int16,
    "U32": tf.uint32,
    "I32": tf.int32,
    "U64": tf.uint64,
    "I64": tf.int64,
    "F16": tf.float16,
    "BF16": tf.bfloat16,
    "F32": tf.float32,
    "F64": tf.float64,
    "C64": tf.complex64,
    "F8_E4M3": tf.dtypes.experimental.float8_e4m3fn,
    "F8_E5M2": tf.dtypes.experimental.float8_e5m2,
}


class TestTensorflow(exchange.Exchange):
    adapter = "tensorflow"
    framework = "tf"
    they_cannot_save = frozenset({"scalar"})
    they_cannot_load = frozenset({"F8_E4M3", "F8_E5M2"})
    they_cannot_load_bytes = frozenset({"BF16", "scalar"})
    tensors = {
        name: tf.convert_to_tensor(BYTES.view(kind.as_numpy_dtype)) for name, kind in TYPES.items()
    } | {
        "BOOL": tf.constant([[True, False]]),
        "scalar": tf.constant(3.5, tf.bfloat16),
        "empty": tf.zeros((3, 0, 2), tf.int32),
    }

    def raw(self, tensor):
        return np.asarray(tensor.numpy()).tobytes()


def test_a_variable_and_strings():
    ours = exchange.imported("tensorhold.tensorflow")
    assert ours.load(ours.save({"a": tf.Variable([1.0, 2.0])}))["a"].numpy().tolist() == [1.0, 2.0]
    with pytest.raises(KeyError, match="of tensor `a`"):
        ours.save({"a": tf.constant(["text"])})


def test_dtypes_that_tensorflow_lacks_are_named():
    ours, native = exchange.imported("tensorhold.tensorflow"), exchange.imported("tensorhold")
    for dtype in ("F8_E8M0", "F4", "F6_E2M3"):
        content = native.serialize({"layer.7": (dtype, (4,), bytes({"F4": 2, "F6": 3}.get(dtype[:2], 4)))})
        with pytest.raises(NotImplementedError, match=f"layer.7.*{dtype}"):
            ours.load(content)


def test_native_saves_take_tensors_of_tensorflow():
    native = exchange.imported("tensorhold")
    for tensor in (tf.constant([1.5, 2.0], tf.bfloat16), tf.Variable([[1, 2], [3, 4]])):
        file = native.open(native.serialize({"a": tensor}))
        assert file["a"].tolist() == tensor.numpy().tolist() and file["a"].shape == tuple(tensor.shape)
