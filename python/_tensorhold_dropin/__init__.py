"""Serves `import safetensors` by tensorhold. A package of its own, and small, because
tensorhold-dropin.pth imports it at the start of every Python in whose environment TENSORHOLD_DROPIN
is 1, and most of those never ask for safetensors."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.metadata import Distribution, DistributionFinder
    from types import ModuleType

VARIABLE = "TENSORHOLD_DROPIN"
_NAME = "safetensors"
_OURS = "tensorhold.safetensors"


class _Loader:
    """Gives the module that is there under its own name: one module, two names."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from importlib import import_module

        module = import_module(self._name)
        # The import system writes the new name's spec into the module; exec_module takes it back.
        self._own = module.__spec__, module.__loader__, module.__package__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__, module.__package__ = self._own


class _Finder:
    """Finds `safetensors` and its submodules, and the distribution of that name, before anybody
    else does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME and not fullname.startswith(_NAME + "."):
            return None
        found = _spec_of(_OURS + fullname[len(_NAME) :])
        if found is None:
            return None
        spec = ModuleSpec(fullname, _Loader(found.name), origin=found.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = found.submodule_search_locations
        return spec

    def find_distributions(
        self, context: DistributionFinder.Context | None = None
    ) -> Iterator[Distribution]:
        asked = vars(context) if context is not None else {}
        name = asked.get("name")
        # A path is given by those who look into certain folders, where it does not lie.
        if asked.get("path") is None and (name is None or str(name).lower() == _NAME):
            from _tensorhold_dropin._distribution import distribution

            yield distribution()

    def invalidate_caches(self) -> None:
        """Nothing is kept."""


def _spec_of(name: str) -> ModuleSpec | None:
    """The spec of a module of ours. That of the package is had without importing tensorhold, so that
    asking whether safetensors is there costs no more than it does otherwise."""
    from importlib.util import find_spec, spec_from_file_location

    if name != _OURS or "tensorhold" in sys.modules:
        return find_spec(name)
    parent = find_spec("tensorhold")
    for folder in (parent and parent.submodule_search_locations) or ():
        inside = os.path.join(folder, _NAME)
        file = os.path.join(inside, "__init__.py")
        if os.path.exists(file):
            return spec_from_file_location(name, file, submodule_search_locations=[inside])
    return None


def install(children: bool = False) -> None:
    """From now on `import safetensors` in this process gives `tensorhold.safetensors`, and
    `importlib.metadata` answers for it. With `children`, also in Pythons that are started from here
    and have tensorhold: TENSORHOLD_DROPIN=1 is set in the environment. ImportError where the other
    package is imported already."""
    loaded = sys.modules.get(_NAME)
    if loaded is not None and loaded.__name__ != _OURS:
        raise ImportError(
            "safetensors is imported already. Call tensorhold.dropin.install() before its first import."
        )
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    if children:
        os.environ[VARIABLE] = "1"


def started() -> None:
    """What tensorhold-dropin.pth calls."""
    try:
        install()
    except ImportError as error:
        print(f"{VARIABLE}=1 has no effect: {error}", file=sys.stderr)
