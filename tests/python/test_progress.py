"""The bar of loads and saves: on a terminal and after a second only."""

from __future__ import annotations

import io
import sys

import pytest

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
