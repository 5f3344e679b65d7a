"""Threads that are in a call when the interpreter ends."""

import os
import subprocess
import sys

import numpy as np
import pytest

USES = {
    "open": "th.open(path)['a']",
    "open_owned": "th.open(path, access='owned').load()",
    "copy": "tensor.copy()",
    "slice": "tensor[1:500:2]",
    "tolist": "tensor[:50].tolist()",
    "raw": "bytes(tensor.raw)",
    "memoryview": "memoryview(tensor).release()",
    "numpy": "np.asarray(tensor)",
    "numpy_copy": "np.array(tensor, copy=True)",
    "dlpack": "np.from_dlpack(tensor)",
    "load": "file.load()",
    "check": "file.check()",
    "holders": "th.holders(path)",
    "error": "refused(path + '.missing')",
    "save": "th.save(own(), {'a': tensor}, durable=False)",
    "save_progress": "th.save(own(), {'a': tensor}, durable=False, progress=lambda done, total: sum(range(500)))",
    "release": "released()",
    "writer": "written()",
}

PROGRAM = """
import os, sys, threading, time
import numpy as np
import tensorhold as th
path = sys.argv[1]
file = th.open(path)
tensor = file["a"]
def own():
    return f"{path}.{threading.get_ident()}"
def refused(missing):
    try:
        th.open(missing)
    except th.Error:
        pass
def released():
    with th.open(path) as mine:
        view = mine.writable("a")
        mine.release()
def written():
    with th.Writer(own(), {"a": ("U8", (64,))}, durable=False) as writer:
        writer.write("a", b"x" * 64)
running = threading.Semaphore(0)
def work():
    USE
    running.release()
    while True:
        USE
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
for _ in range(3):
    running.acquire()
"""


@pytest.mark.parametrize("name", USES)
def test_daemon_threads_end_with_the_process(saved, name):
    path = saved({"a": np.zeros(1 << 15)})
    for _ in range(max(3, round(30 * float(os.environ.get("TENSORHOLD_STRESS", "0.1"))))):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.replace("USE", USES[name]), path],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
