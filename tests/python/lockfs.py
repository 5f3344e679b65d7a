"""tests/lockfs, the filesystem that holds files as Windows does, mounted for a test."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest


def program() -> str:
    """Path of the program; skips the test with the reason where there is none."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no /dev/fuse for this user")
    root = pathlib.Path(__file__).parents[2]
    path = os.environ.get("TENSORHOLD_LOCKFS", str(root / "build/dev/bin/lockfs"))
    if not os.access(path, os.X_OK):
        pytest.skip("lockfs is not built: ./dev build dev")
    return path


class LockFs:
    def __init__(self, folder: pathlib.Path, *switches: str) -> None:
        self.path = folder / "mount"
        self.backing = folder / "backing"
        self.path.mkdir()
        self.backing.mkdir()
        self._daemon = subprocess.Popen([program(), *switches, self.path, self.backing])
        while not (self.path / ".lockfs-control").exists():
            if self._daemon.poll() is not None:
                raise RuntimeError("lockfs could not be mounted")
            time.sleep(0.005)

    def held(self) -> int:
        """Handles that a descriptor or a mapping keeps."""
        return json.loads((self.path / ".lockfs-stats").read_text())["held"]

    def stop(self) -> None:
        # Again and again: libfuse can miss a signal just before it waits.
        while self._daemon.poll() is None:
            self._daemon.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._daemon.wait(0.05)


@contextlib.contextmanager
def mounted(folder: pathlib.Path, *switches: str) -> Iterator[LockFs]:
    filesystem = LockFs(folder, *switches)
    try:
        yield filesystem
    finally:
        filesystem.stop()
