"""Which saves are synced: what durable= says, and where it says nothing, TENSORHOLD_DURABLE."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")

# In a child process: every save, for each value of the variable and of durable=, on a system that
# refuses every sync. A save that fails did sync.
CHILD = """
import errno, importlib.util, json, os, sys
import numpy as np
import tensorhold, tensorhold.numpy, tensorhold.safetensors, tensorhold.safetensors.numpy
import unsynced

os.chdir(sys.argv[1])
arrays = {"a": np.arange(1000.0), "b": np.zeros(3)}
numpy = {"a": np.arange(3.0)}
# Past the page cache where the filesystem can.
large = {"a": np.zeros(17 << 20, np.uint8)}
number = 0

def name():
    global number
    number += 1
    return f"{number}.safetensors"

def made(**options):
    path = name()
    tensorhold.save(path, arrays, durable=False, **options)
    return path

def write(path, **options):
    with tensorhold.Writer(path, {"a": ("U8", (3,))}, **options) as writer:
        writer.write("a", b"abc")

spec = {"a": tensorhold.safetensors.TensorSpec(
    dtype="float64", shape=[3], data_ptr=numpy["a"].ctypes.data, data_len=24)}
ways = {
    "save": (name, lambda path, **o: tensorhold.save(path, arrays, **o)),
    "save, large": (name, lambda path, **o: tensorhold.save(path, large, **o)),
    "save over": (made, lambda path, **o: tensorhold.save(path, arrays, **o)),
    "Writer": (name, write),
    "edit_metadata": (lambda: made(reserve_header=500),
                      lambda path, **o: tensorhold.edit_metadata(path, {"k": "v"}, **o)),
    "edit_metadata, rewritten": (made, lambda path, **o: tensorhold.edit_metadata(path, {"k": "v" * 999}, **o)),
    "overwrite": (made, lambda path, **o: tensorhold.overwrite(path, "b", np.ones(3), **o)),
    "replace": (made, lambda path, **o: tensorhold.replace(path, name(), **o)),
    "replace over": (made, lambda path, **o: tensorhold.replace(path, made(), **o)),
    "numpy.save_file": (name, lambda path, **o: tensorhold.numpy.save_file(numpy, path, **o)),
    "drop-in": (name, lambda path, **o: tensorhold.safetensors.numpy.save_file(numpy, path, **o)),
    "serialize_file": (name, lambda path: tensorhold.safetensors.serialize_file(spec, path)),
}
if importlib.util.find_spec("torch"):
    import torch, tensorhold.torch, tensorhold.safetensors.torch
    model = torch.nn.Linear(3, 2)
    for module in (tensorhold.torch, tensorhold.safetensors.torch):
        ways[module.__name__] = (name, lambda path, module=module, **o: module.save_file(model.state_dict(), path, **o))
        ways[module.__name__ + ".save_model"] = (
            name, lambda path, module=module, **o: module.save_model(model, path, **o))

prepared = {(way, value, given): prepare() for way, (prepare, _) in ways.items()
            for value in json.loads(sys.argv[2]) for given in ("", None, True, False)
            if way != "serialize_file" or given == ""
            if way != "save, large" or given == "" and value in (None, "0", "inherited")}
unsynced.refuse_syncs()
found = []
for (way, value, given), path in prepared.items():
    if value == "inherited":
        pass
    elif value is None:
        os.environ.pop("TENSORHOLD_DURABLE", None)
    else:
        os.environ["TENSORHOLD_DURABLE"] = value
    try:
        ways[way][1](path, **({} if given == "" else {"durable": given}))
        synced = False
    except tensorhold.Error as error:
        assert error.os_error == errno.EIO or error.code == "not_durable", error
        synced = True
    except tensorhold.safetensors.SafetensorError as error:
        assert error.__cause__.os_error == errno.EIO or error.__cause__.code == "not_durable", error
        synced = True
    found.append((way, value, given, synced))
print(json.dumps(found))
"""


def found(tmp_path, values, **variables):
    tests = str(pathlib.Path(__file__).parent)
    environment = {name: value for name, value in os.environ.items() if name != "TENSORHOLD_DURABLE"}
    ran = subprocess.run([sys.executable, "-c", CHILD, tmp_path, json.dumps(values)], capture_output=True,
                         text=True, env={**environment, "PYTHONPATH": tests, **variables})
    if ran.stderr.strip() == "skip":
        pytest.skip("no filter of system calls")
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)
    assert len({way for way, *_ in rows}) >= 12
    return rows


def is_durable(way, value, given):
    # The journal of a tensor is synced in any case: a power cut must not leave one with other bytes.
    return way == "overwrite" or (value != "0" if given in ("", None) else given)


def test_a_save_is_durable_unless_it_or_the_variable_says_otherwise(tmp_path):
    values = [None, "", "1", "0", "00", " 0", "false", "no"]
    for way, value, given, synced in found(tmp_path, values):
        assert synced == is_durable(way, value, given), (way, value, given)


@pytest.mark.parametrize("value", ["0", "1"])
def test_the_variable_is_inherited(tmp_path, value):
    for way, _, given, synced in found(tmp_path, ["inherited"], TENSORHOLD_DURABLE=value):
        assert synced == is_durable(way, value, given), (way, given)
