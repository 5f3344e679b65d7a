"""Ctrl-C while a call waits for a lock, and files that were cut short under their tensors."""

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

import tensorhold as th

WAITS = [
    "th.lock_exclusive(path, math.inf)",
    "th.lock_shared(path, 60)",
    "th.open(path, lock=True, lock_timeout=60)",
    "th.edit_metadata(path, {'a': 'b'}, lock_timeout=60)",
    "th.overwrite(path, 'a', b'new', lock_timeout=60)",
]


@pytest.mark.parametrize("call", WAITS)
def test_ctrl_c_ends_a_wait_for_a_lock(saved, call):
    path = saved({"a": b"abc"})
    before = path.read_bytes()
    with th.lock_exclusive(path):
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            eval(call, {"th": th, "math": math, "path": path})
        assert 0.1 < time.monotonic() - begin < 5
        timer.join()
    assert path.read_bytes() == before


@pytest.mark.parametrize("call", WAITS)
def test_a_wait_gets_the_lock_once_it_is_free(saved, call):
    path = saved({"a": b"abc"})
    lock = th.lock_exclusive(path)
    timer = threading.Timer(0.35, lock.unlock)
    timer.start()
    eval(call, {"th": th, "math": math, "path": path})
    timer.join()


def test_a_wait_is_as_long_as_asked_for(saved):
    path = saved({"a": b"abc"})
    with th.lock_exclusive(path):
        begin = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            th.lock_shared(path, 0.35)
        assert 0.35 <= time.monotonic() - begin < 5
    assert caught.value.code == "lock_conflict"


USES = {
    "bytes": "bytes(tensor)",
    "tolist": "tensor.tolist()",
    "pickle": "pickle.dumps(tensor)",
    "pickle 5": "pickle.dumps(tensor, 5)",
    "array copied": "tensor.__array__(copy=True)",
    "array of another dtype": "tensor.__array__('f8')",
    "copy": "tensor.copy()",
    "serialize": "th.serialize({'b': tensor})",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_file_that_was_cut_short_is_an_error_and_no_signal(saved, use):
    path = saved({"a": ("F32", (1 << 20,), bytes(4 << 20))})
    code = f"""
import os, pickle, numpy
import tensorhold as th
path = {str(path)!r}
tensor = th.open(path, access="mapped")["a"]
os.truncate(path, 8192)
try:
    {use}
except OSError as error:
    print(type(error).__name__, error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("FileError truncated\n", "FileError damaged\n")


def test_pickles_are_as_before(saved):
    with th.open(saved({"a": ("F32", (2,), b"12345678")}), access="mapped") as file:
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(file["a"], protocol))
            assert (back.dtype, back.shape, bytes(back)) == ("F32", (2,), b"12345678")
        buffers = []
        pickle.dumps(file["a"], 5, buffer_callback=buffers.append)
        assert bytes(buffers[0].raw()) == b"12345678"
