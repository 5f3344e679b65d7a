#!/usr/bin/env python3
"""rows.py LOADER ROW PATH: one row of the story with one loader, on the file at PATH, in this process.

Prints one line of JSON: `outcome` (works, refused, wrong), `error` (the system's name for it),
`held` (the file's pages are mapped at the end, so that its space on the disk is taken), `note`.
"""

import errno
import json
import os
import pathlib
import subprocess
import sys
import threading

from loaders import LOADERS, errno_of

# What each row does.
ROWS = {
    "S1": "remove the file while a tensor lives",
    "S2": "drop the tensor, remove the file",
    "S3": "a parameter still refers to it; let go, remove",
    "S4": "keep only `[:]` of the tensor, remove the file",
    "S5": "save over the file while a tensor lives",
    "S6": "an exception half-way, remove in its handler",
    "S7": "threads read while the file is replaced",
    "S8": "another process truncates the file",
}


class Wrong(Exception):
    """A tensor moved or changed."""


class Row:
    def __init__(self, loader, path):
        self.loader, self.path = loader, str(path)
        self.expected = pathlib.Path(path).read_bytes()[-FILE_DATA:]
        self.note = ""

    def check(self, tensor, address=None):
        if address is not None and self.loader.address(tensor) != address:
            raise Wrong("the tensor has another address")
        if self.loader.bytes(tensor) != self.expected:
            raise Wrong("the tensor has other bytes")

    def gone(self):
        if pathlib.Path(self.path).exists():
            raise Wrong("the file is still there")

    def plain_remove(self):
        pathlib.Path(self.path).unlink()

    def s1(self):
        tensor = self.loader.load(self.path)
        address = self.loader.address(tensor)
        self.loader.remove(self.path)
        self.gone()
        self.check(tensor, address)
        return tensor

    def s2(self):
        tensor = self.loader.load(self.path)
        self.check(tensor)
        del tensor
        self.plain_remove()

    def s3(self):
        tensor = self.loader.load(self.path)
        parameter = self.loader.parameter(tensor)
        address = self.loader.address(parameter)
        del tensor
        named = self.loader.holders(self.path)
        if named is not None and "w" not in named:
            raise Wrong(f"the holders are {named}")
        self.loader.free(self.path)
        self.plain_remove()
        self.check(parameter, address)
        self.note = "holders named" if named else ""
        return parameter

    def s4(self):
        copy = self.loader.independent(self.path)
        self.plain_remove()
        self.check(copy)
        return copy

    def s5(self):
        tensor = self.loader.load(self.path)
        address = self.loader.address(tensor)
        self.loader.save(self.path, tensor)
        self.check(tensor, address)
        saved = pathlib.Path(self.path).read_bytes()
        if saved[-FILE_DATA:] != self.expected:
            raise Wrong("the new file has other bytes")
        return tensor

    def s6(self):
        def fail(tensor):
            self.check(tensor)
            raise ValueError("half-way")
        try:
            self.loader.scope(self.path, fail)
        except ValueError as error:
            self.plain_remove()
            return error  # what its frames keep is kept until here

    def s7(self):
        tensor = self.loader.load(self.path)
        address = self.loader.address(tensor)
        stop, wrong, reads = threading.Event(), [], [0] * 4

        def read(mine):
            while not stop.is_set() or reads[mine] == 0:
                reads[mine] += 1
                if self.loader.bytes(tensor) != self.expected:
                    wrong.append(mine)

        readers = [threading.Thread(target=read, args=(i,)) for i in range(len(reads))]
        for reader in readers:
            reader.start()
        try:
            while not all(reads):
                pass
            self.loader.free(self.path)
            self.loader.save(self.path, tensor)
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        if wrong:
            raise Wrong("a thread read other bytes")
        self.check(tensor, address)
        return tensor

    def s8(self):
        def cut():
            # A plain program, which knows nothing of loaders.
            done = subprocess.run(["truncate", "-s", "4096", self.path], capture_output=True,
                                  check=False, env={"LC_ALL": "C"})
            if done.returncode != 0:
                words = done.stderr.decode().strip().rsplit(": ", 1)[-1]
                raise Protected(next(name for number, name in errno.errorcode.items()
                                     if os.strerror(number) == words))
        try:
            self.note = self.loader.after_truncation(self.path, cut)
        except Protected as refusal:
            self.note = f"others are refused it: {refusal}"


class Protected(Exception):
    """The system keeps others from truncating the file."""


FILE_DATA = 4 << 20


def mapped_here(path):
    return path in pathlib.Path("/proc/self/maps").read_text()


def main():
    name, row, path = sys.argv[1:]
    try:
        loader = LOADERS[name]()
    except ImportError as error:
        print(json.dumps({"outcome": "absent", "note": str(error)}))
        return
    job = Row(loader, path)
    result = {"outcome": "works"}
    try:
        kept = getattr(job, row.lower())()
        result["held"] = mapped_here(path)
        del kept
    except Wrong as error:
        result = {"outcome": "wrong", "note": str(error)}
    except loader.errors as error:
        number = errno_of(error)
        result = {"outcome": "refused", "note": str(error),
                  "error": errno.errorcode.get(number, type(error).__name__)}
    if job.note:
        result["note"] = job.note
    print(json.dumps(result))


if __name__ == "__main__":
    main()
