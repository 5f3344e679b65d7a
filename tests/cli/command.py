"""What the tests of the command share: running it, and files to run it on.

With TENSORHOLD_ON_WINE the command is the one of Windows, run by Wine 8.
"""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unicodedata
import unittest

COMMAND = os.environ["TENSORHOLD_COMMAND"]
DATA = pathlib.Path(os.environ["TENSORHOLD_TEST_DATA"])
MODEL = DATA / "silero-vad-16k.safetensors"
ON_WINE = "TENSORHOLD_ON_WINE" in os.environ


def run(*arguments, **options):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, timeout=60,
                          check=False, **options)


def safetensors(tensors, metadata=None, data=None):
    """A file's bytes; `tensors`: (name, dtype, shape, bytes) each."""
    header, body = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + (body if data is None else data)


def sparse(path, sizes):
    """Makes `path` a file of U8 tensors, `sizes`: bytes of each by its name, that are a hole."""
    header, end = {}, 0
    for name, size in sizes.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + end)
    return path


def columns(line):
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    return wide - sum(1 for c in line if unicodedata.combining(c))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content, name="file.safetensors"):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def floats(self, count=6, shape=None):
        content = struct.pack(f"<{count}f", *range(count))
        return self.file(safetensors([("w", "F32", shape or [count], content)]))

    def lines(self, result, status=0):
        self.assertEqual(result.returncode, status, result.stderr.decode())
        lines = result.stdout.decode().splitlines()
        for line in lines:
            self.assertLessEqual(columns(line), 80, line)
        return lines

    def error(self, result, status):
        """Standard error of a run that must fail, after a look at what must not be there."""
        self.assertEqual(result.returncode, status)
        self.assertNotIn(b"\x1b", result.stdout + result.stderr)
        return result.stderr.decode()
