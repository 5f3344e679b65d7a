#!/usr/bin/env python3
"""Signals that ask the command to end: what is left, and how it ends. Run as test_cli.py."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from command import COMMAND, MODEL, ON_WINE, Case, sparse

LARGE = 1 << 30  # of bytes that are there: takes long enough to be met
# Wine makes of SIGINT what Windows makes of Ctrl-C; SIGTERM ends Wine.
SIGNALS = (signal.SIGINT,) if ON_WINE else (signal.SIGINT, signal.SIGTERM)
not_on_wine = unittest.skipIf(ON_WINE, "a signal would end Wine, not the command")


def take_signals():
    """What a terminal's shell does: one that runs in the background has them ignored."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)


def processes_of_session(session):
    """Number and arguments of each."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                yield int(folder.name), (folder / "cmdline").read_text().split("\0")
        except OSError:  # it has ended
            continue


def full(path, size):
    """Makes `path` a file without holes, which would be copied in no time."""
    sparse(path, {"big": size})
    piece = bytes([1]) * (4 << 20)
    with path.open("r+b") as file:
        file.seek(-size, os.SEEK_END)
        for _ in range(size // len(piece)):
            file.write(piece)
    return path


class Interrupted(Case):
    def setUp(self):
        super().setUp()
        if shutil.disk_usage(self.folder).free < 2 * LARGE:
            self.skipTest("no room for what is copied until it is stopped")

    def start(self, *arguments, before=take_signals):
        process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, preexec_fn=before,
                                   start_new_session=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def interrupt(self, process, number=signal.SIGINT):
        if not ON_WINE:
            process.send_signal(number)
            return
        # Not the scripts around the command.
        for found, arguments in processes_of_session(process.pid):
            if arguments[0].endswith("tensorhold.exe"):
                os.kill(found, number)

    def wait_for_temporary(self, process, folder, pattern=".*.tmp"):
        end = time.monotonic() + 30
        while not any(folder.glob(pattern)):
            if process.poll() is not None:
                if process.returncode == 0:
                    self.skipTest("done before it could be met: this filesystem shares bytes")
                self.fail(process.stderr.read().decode())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)

    def assert_cancelled(self, process, number):
        said = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 128 + number, said)
        self.assertIn("(cancelled)", said)

    def test_a_metadata_edit_leaves_the_file_and_nothing_else(self):
        for number in SIGNALS:
            path = full(self.folder / "m.safetensors", LARGE)
            before = path.stat()
            process = self.start("meta", path, "--set", "a=b")
            self.wait_for_temporary(process, self.folder)
            self.interrupt(process, number)
            self.assert_cancelled(process, number)
            self.assertEqual(list(self.folder.iterdir()), [path])
            self.assertEqual((path.stat().st_ino, path.stat().st_mtime_ns),
                             (before.st_ino, before.st_mtime_ns))

    def test_a_move_from_another_filesystem_leaves_both_files_and_nothing_else(self):
        memory = pathlib.Path("/dev/shm")
        if not memory.is_dir() or memory.stat().st_dev == self.folder.stat().st_dev:
            self.skipTest("no second filesystem")
        with tempfile.TemporaryDirectory(dir=memory) as other:
            new = full(pathlib.Path(other) / "new", LARGE)
            old = self.file(b"old")
            process = self.start("mv", new, old)
            self.wait_for_temporary(process, self.folder)
            self.interrupt(process)
            self.assert_cancelled(process, signal.SIGINT)
            self.assertEqual(list(self.folder.iterdir()), [old])
            self.assertEqual(old.read_bytes(), b"old")
            self.assertTrue(new.exists())

    @not_on_wine
    @unittest.skipIf(os.environ.get("TENSORHOLD_SANITIZE") == "thread",
                     "the sanitizer hands signals on later, one by one")
    def test_a_second_signal_ends_it_at_once(self):
        path = full(self.folder / "m.safetensors", LARGE)
        process = self.start("meta", path, "--set", "a=b")
        self.wait_for_temporary(process, self.folder)
        # Stopped, so that it meets both before it can do anything about the first.
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGTERM)

    @not_on_wine
    def test_the_demo_leaves_no_folder(self):
        process = self.start("demo", MODEL, "--work", self.folder)
        self.wait_for_temporary(process, self.folder, "tensorhold-demo-*")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 128 + signal.SIGINT))  # 0: in its last step
        self.assertEqual(list(self.folder.iterdir()), [])

    @not_on_wine
    def test_ignored_signals_stay_ignored(self):
        path = full(self.folder / "m.safetensors", 64 << 20)
        process = self.start("meta", path, "--set", "a=b",
                             before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        self.wait_for_temporary(process, self.folder)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 0, said)

    @not_on_wine
    def test_commands_that_change_nothing_end_at_once(self):
        path = sparse(self.folder / "m.safetensors", {"big": 20 << 30})
        process = self.start("show", path, "big")
        time.sleep(0.3)
        self.assertIsNone(process.poll(), "ended by itself")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
        self.assertEqual(process.returncode, -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
