"""Runs a script or a module whose `import safetensors` is served by tensorhold:

    python -m tensorhold.dropin script.py [ARGUMENT...]
    python -m tensorhold.dropin -m module [ARGUMENT...]

Nothing on disk changes, and other processes do not notice. `install()` does the same within a program,
before its first `import safetensors`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType

_NAME = "safetensors"
_OURS = "tensorhold.safetensors"


class _Loader(importlib.abc.Loader):
    """Gives the module that is there under its own name: one module, two names."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        # The import system writes the new name's spec into the module; exec_module takes it back.
        self._own = module.__spec__, module.__loader__, module.__package__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__, module.__package__ = self._own


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `safetensors` and its submodules before anybody else does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _NAME and not fullname.startswith(_NAME + "."):
            return None
        ours = _OURS + fullname[len(_NAME) :]
        found = importlib.util.find_spec(ours)
        if found is None:
            return None
        return importlib.machinery.ModuleSpec(
            fullname,
            _Loader(ours),
            origin=found.origin,
            is_package=found.submodule_search_locations is not None,
        )


def install() -> None:
    """From now on `import safetensors` in this process gives `tensorhold.safetensors`. ImportError
    where the other package is imported already."""
    loaded = sys.modules.get(_NAME)
    if loaded is not None and loaded.__name__ != _OURS:
        raise ImportError("safetensors is imported already; call tensorhold.dropin.install() before")
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def main(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        sys.exit(0 if arguments else 2)
    install()
    if arguments[0] == "-m":
        if len(arguments) < 2:
            sys.exit("dropin: -m needs the name of a module")
        sys.argv = list(arguments[1:])
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    # What `python -m` put in front is for finding this file.
    if sys.path and sys.path[0] == os.getcwd():
        del sys.path[0]
    main(sys.argv[1:])
