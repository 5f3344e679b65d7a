"""tensorhold.mlx with mlx, and the reference package."""

from __future__ import annotations

import exchange

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
    "C64": mx.complex64,
}


class TestMlx(exchange.Exchange):
    adapter = "mlx"
    framework = "mlx"
    they_cannot_save = frozenset({"BF16", "scalar"})
    they_cannot_load_bytes = frozenset({"BF16", "scalar"})
    tensors = {name: BYTES.view(kind) for name, kind in TYPES.items()} | {
        "BOOL": mx.array([[True, False]]),
        "scalar": mx.array(3.5, mx.bfloat16),
        "empty": mx.zeros((3, 0, 2), mx.int32),
    }

    def raw(self, tensor):
        if tensor.size == 0:
            return b""
        return np.array(tensor.reshape(-1).view(mx.uint8)).tobytes()
