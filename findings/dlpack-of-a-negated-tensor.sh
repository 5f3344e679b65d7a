#!/usr/bin/env bash
# torch 2.13.0 (CPU), numpy 2.4.6; Linux x86-64, CPython 3.11
#
# torch conjugates a complex tensor lazily: the memory stays, a bit says that the values are the conjugated
# ones. Its imaginary part is a real tensor over the same memory with another such bit, for the negation.
# DLPack has no place for either bit. A tensor with the first one is refused by __dlpack__, as it must be; one
# with the second is exported as it lies: who imports it (NumPy here, torch itself too) gets the numbers with
# the other sign, and no error. Tensor.numpy() refuses both. resolve_neg() before the export is the way out.
#
# Output seen:
#   z.conj().imag, in torch: [-2.0]
#   numpy.from_dlpack(z.conj().imag): [2.0]
#   torch.from_dlpack(z.conj().imag): [2.0]
#   numpy.from_dlpack(z.conj().imag.resolve_neg()): [-2.0]
#   numpy.from_dlpack(z.conj()): BufferError
#   z.conj().imag.numpy(): RuntimeError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-cache-dir --disable-pip-version-check numpy==2.4.6
"$folder/venv/bin/pip" install -q --no-cache-dir --disable-pip-version-check torch==2.13.0
cat >"$folder/try.py" <<'PYTHON'
import numpy
import torch

z = torch.tensor([1 + 2j])
part = z.conj().imag


def say(what, value):
    try:
        print(f"{what}: {value().tolist()}")
    except (BufferError, RuntimeError) as error:
        print(f"{what}: {type(error).__name__}")


say("z.conj().imag, in torch", lambda: part)
say("numpy.from_dlpack(z.conj().imag)", lambda: numpy.from_dlpack(part))
# A tensor's own __dlpack__, as a consumer asks for it.
say("torch.from_dlpack(z.conj().imag)", lambda: torch.from_dlpack(part))
say("numpy.from_dlpack(z.conj().imag.resolve_neg())", lambda: numpy.from_dlpack(part.resolve_neg()))
say("numpy.from_dlpack(z.conj())", lambda: numpy.from_dlpack(z.conj()))
say("z.conj().imag.numpy()", lambda: part.numpy())
PYTHON
expected=$(sed -n '/^# Output seen:/,/^set /s/^#   //p' "$0")
seen=$("$folder/venv/bin/python" "$folder/try.py" 2>"$folder/errors") || { cat "$folder/errors" >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
