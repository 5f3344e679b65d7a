"""The bar of loads and saves: on a terminal and after a second only."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading

import pytest

import tensorhold
from tensorhold import _progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the bar thinks have gone by."""
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def run(clock, seconds, progress=None, steps=10):
    with _progress.loading(progress) as report:
        for step in range(1, steps + 1):
            clock[0] += seconds / steps
            if report is not None:
                report(step * 10**8, steps * 10**8)


@pytest.fixture(params=["tqdm", "plain"])
def kind(request, monkeypatch):
    if request.param == "tqdm":
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    return request.param


@pytest.mark.parametrize("progress", [None, True])
def test_a_long_load_on_a_terminal(clock, monkeypatch, kind, progress):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(clock, 5, progress)
    assert "Loading" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


def test_a_short_one(clock, monkeypatch, kind):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(clock, 0.9)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("progress", [None, True])
def test_a_pipe(clock, monkeypatch, kind, progress):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    run(clock, 5, progress)
    assert pipe.getvalue() == ""


def test_none(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(clock, 5, False)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", None)
    run(clock, 5)


def test_a_function(clock):
    seen = []
    run(clock, 0, lambda done, total: seen.append((done, total)), steps=2)
    assert seen == [(10**8, 2 * 10**8), (2 * 10**8, 2 * 10**8)]


def test_a_writer_on_a_terminal(clock, monkeypatch, kind, tmp_path):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    layout = {"a": ("U8", (10, 10_000))}
    with tensorhold.Writer(tmp_path / "x", layout, progress=True) as writer:
        for row in range(10):
            clock[0] += 0.5
            writer.write_at("a", row * 10_000, bytes(10_000))
    assert "Writing" in terminal.getvalue() and "100%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize("progress", [None, False])
def test_a_writer_draws_only_when_asked(clock, monkeypatch, tmp_path, progress):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with tensorhold.Writer(tmp_path / "x", {"a": ("U8", (1,))}, progress=progress) as writer:
        clock[0] += 5
        writer.write("a", b"x")
    assert terminal.getvalue() == ""


# A save that takes more than a second, by the clock of the bar: from look to look two go by.
LONG_SAVE = """
import itertools, sys, time
import torch
from tensorhold.torch import save_file
ticks = itertools.count()
time.monotonic = lambda: next(ticks) * 2
save_file({f"t{i}": torch.zeros(1 << 20) for i in range(16)}, sys.argv[1], threads=1)
"""


def long_save(tmp_path, stderr):
    return subprocess.run([sys.executable, "-c", LONG_SAVE, str(tmp_path / "x")], check=True, stderr=stderr)


def test_a_long_save_of_torch_on_a_real_terminal(tmp_path):
    pytest.importorskip("torch")
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    # Read meanwhile: a terminal that nobody reads stops who writes.
    seen = []

    def read():
        with contextlib.suppress(OSError):  # the other side was closed
            while piece := os.read(ours, 4096):
                seen.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        long_save(tmp_path, theirs)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    text = b"".join(seen).decode()
    assert "Saving" in text and "100%" in text and text.endswith("\n")


def test_a_long_save_of_torch_in_a_pipe(tmp_path):
    pytest.importorskip("torch")
    assert long_save(tmp_path, subprocess.PIPE).stderr == b""


CALLS = {
    "load": lambda path, progress: tensorhold.open(path).load(progress=progress),
    "prefetch": lambda path, progress: tensorhold.open(path).prefetch(progress=progress),
    "File.release": lambda path, progress: tensorhold.open(path).release(progress=progress),
    "release": lambda path, progress: tensorhold.release(path, progress=progress),
    "edit_metadata": lambda path, progress: tensorhold.edit_metadata(path, {"k": "v"}, progress=progress),
    "overwrite": lambda path, progress: tensorhold.overwrite(path, "a", b"xyz", progress=progress),
    "save": lambda path, progress: tensorhold.save(path, {"a": b"abc"}, progress=progress),
    "Writer": lambda path, progress: tensorhold.Writer(path, {"a": ("U8", (3,))}, progress=progress),
    "numpy.load_file": lambda path, progress: adapter().load_file(path, progress=progress),
    "numpy.save_file": lambda path, progress: adapter().save_file({}, path, progress=progress),
}


def adapter():
    return pytest.importorskip("tensorhold.numpy")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_progress_is_a_function_or_says_whether_there_is_a_bar(call, saved):
    path = saved({"a": b"abc"})
    content = path.read_bytes()
    for wrong in (3, 0, "yes", []):
        with pytest.raises(TypeError, match="^progress is a function"):
            call(path, wrong)
    assert path.read_bytes() == content
    for right in (True, False, None, lambda done, total: None):
        call(path, right)


def test_a_bar_of_the_package_itself_is_ended(monkeypatch, saved):
    made = []

    class Counted(_progress.Bar):
        def __init__(self, title):
            super().__init__(title)
            made.append((title, self))
            self.closed = 0

        def close(self):
            self.closed += 1

    monkeypatch.setattr(_progress, "bar", Counted)
    path = saved({"a": b"abc"})
    for name in CALLS:
        if "." not in name or name == "File.release":
            CALLS[name](path, True)
    with pytest.raises(FileNotFoundError):
        CALLS["overwrite"](path.with_name("absent"), True)
    titles = [title for title, _ in made]
    assert titles == ["Loading", "Loading", "Releasing", "Releasing", "Editing", "Editing", "Saving",
                      "Writing", "Editing"]
    assert [bar.closed for _, bar in made] == [1] * len(made)
