#!/usr/bin/env bash
# flax 0.12.8 and tensorflow 2.21.0, with jax 0.10.2, numpy 2.4.6; Linux x86-64, CPython 3.11
#
# An array of numpy has a byte order, and files from elsewhere (HDF5, FITS, .npy) bring big-endian ones. Two
# savers take such an array without a word, store its bytes as they lie and of its dtype the name, in which the
# byte order is not: flax.serialization (to_bytes and msgpack_serialize, the checkpoints of flax), and
# tf.make_tensor_proto (constants of graphs). What comes back has the dtype of this machine and other
# numbers: 1 is 16777216, 1.0 is 4.6e-41. A restore into a target that is big-endian itself does not put it
# right. tf.constant of the same array is right, and jax itself refuses it: so both worlds know the case, and
# the savers beside them do not.
#
# Output seen:
#   saved: >i4 [1, 2]
#   flax.serialization.msgpack_restore: <i4 [16777216, 33554432]
#   flax.serialization.from_bytes, into >i4: <i4 [16777216, 33554432]
#   tf.make_ndarray(tf.make_tensor_proto): <i4 [16777216, 33554432]
#   tf.constant: <i4 [1, 2]
#   jax.numpy.asarray: TypeError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-cache-dir --disable-pip-version-check \
  numpy==2.4.6 ml_dtypes==0.6.0 jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 tensorflow==2.21.0
cat >"$folder/try.py" <<'PYTHON'
import jax.numpy
import numpy
import tensorflow
from flax import serialization

lines = []


def say(what, array):
    lines.append(f"{what}: {numpy.asarray(array).dtype.str} {numpy.asarray(array).tolist()}")


saved = numpy.array([1, 2], ">i4")
say("saved", saved)
content = serialization.msgpack_serialize({"a": saved})
say("flax.serialization.msgpack_restore", serialization.msgpack_restore(content)["a"])
content = serialization.to_bytes({"a": saved})
say("flax.serialization.from_bytes, into >i4", serialization.from_bytes({"a": saved}, content)["a"])
say("tf.make_ndarray(tf.make_tensor_proto)", tensorflow.make_ndarray(tensorflow.make_tensor_proto(saved)))
say("tf.constant", tensorflow.constant(saved).numpy())
try:
    say("jax.numpy.asarray", jax.numpy.asarray(saved))
except TypeError:
    lines.append("jax.numpy.asarray: TypeError")
print("\n".join(lines))
PYTHON
# What stands above, without the marks of the comment.
expected=$(sed -n '/^# Output seen:/,/^set /s/^#   //p' "$0")
seen=$(CUDA_VISIBLE_DEVICES=-1 JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3 \
  "$folder/venv/bin/python" "$folder/try.py" 2>"$folder/errors") || { cat "$folder/errors" >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
