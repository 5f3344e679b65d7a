"""Objects of the module's types that were made by __new__ alone, used in every way."""

import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import copy, operator, pickle, sys, warnings
import numpy as np
import tensorhold as th
from tensorhold import _core

warnings.simplefilter("ignore")
kind = getattr(_core, sys.argv[1])
made = kind.__new__(kind)
good = th.open(sys.argv[2])["a"]

def expect(use, *allowed):
    try:
        use()
    except allowed:
        return
    raise AssertionError("no error")

uses = 0
for name in dir(kind):
    if name.startswith("__") and name not in ("__exit__", "__len__", "__getitem__", "__iter__",
                                               "__contains__", "__array__", "__dlpack__", "__dlpack_device__",
                                               "__int__", "__float__", "__complex__", "__index__", "__bool__"):
        continue
    member = getattr(kind, name)
    if isinstance(member, property):
        expect(lambda: getattr(made, name), TypeError)
        uses += 1
    elif callable(member):
        for arguments in ((), ("a",), (0,), (None, None, None), ({},), ("a", b"x"), ("a", 0, b"x")):
            expect(lambda: member(made, *arguments), TypeError)
            uses += 1
for use in (memoryview, bytes, np.from_dlpack, len, iter, list, int, float, operator.index, pickle.dumps, copy.copy,
            copy.deepcopy, lambda one: one[0], lambda one: one["a"], lambda one: "a" in one,
            lambda one: th.save(sys.argv[2] + ".new", {"a": one})):
    expect(lambda: use(made), TypeError, AttributeError, th.Error)
# What every object of Python's can do may work.
for use in (repr, str, hash, bool, np.asarray, lambda one: one == good, lambda one: good == one, lambda one: one.__enter__()):
    try:
        use(made)
    except (TypeError, AttributeError):
        pass
del made
assert uses or kind is _core._RawBytes
"""


@pytest.mark.parametrize("kind", ["File", "Tensor", "Writer", "FileLock", "_RawBytes"])
def test_refuses_every_use(saved, kind):
    path = saved({"a": np.zeros(4)})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
