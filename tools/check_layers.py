#!/usr/bin/env python3
"""Reads the #include lines of the tree and fails on an arrow between layers that goes the wrong way.

    check_layers.py [FOLDER]

Prints one line for each wrong include and exits with 1 if there was one.
"""

import pathlib
import re
import sys

# What each layer may include, besides itself: base <- os <- hold <- tensor <- io, base <- format <- tensor.
ALLOWED = {
    "base": set(),
    "os": {"base"},
    "format": {"base"},
    "hold": {"base", "os"},
    "tensor": {"base", "os", "format", "hold"},
    "io": {"base", "os", "format", "hold", "tensor"},
    "capi": {"public"},
    "cli": {"public"},
    "examples": {"public"},
    "python": {"public"},
}
# The layer that a public header belongs to; a layer may include it if it may include that layer.
PUBLIC = {
    "dtype": "base", "error": "base", "export": "base", "holder": "base", "log": "base",
    "numeric": "base", "options": "base", "path": "base", "release": "base", "stop": "base",
    "pin": "tensor", "slice": "tensor", "tensor": "tensor",
    "edit": "io", "file": "io", "hold": "io", "load": "io", "lock": "io", "save": "io", "tensorhold": "io",
    "writer": "io",
}
OS_HEADER = re.compile(r"(windows|winternl|io|fcntl|unistd|sys/.*|mach/.*|linux/.*|dlfcn)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def included(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def wrong_in_layer(layer, target):
    """Why a file of `layer` must not include `target`, or None."""
    top, _, rest = target.partition("/")
    if top == "tensorhold":
        owner = PUBLIC.get(pathlib.PurePosixPath(rest).stem)
        if owner is None:
            return f"{target} belongs to no layer: add it to PUBLIC in tools/check_layers.py"
        if "public" in ALLOWED[layer] or owner == layer or owner in ALLOWED[layer]:
            return None
        return f"{layer} must not know {owner}"
    if top in ALLOWED and top != layer and top not in ALLOWED[layer]:
        return f"{layer} must not know {top}"
    return None


def wrong_in_public(target):
    if OS_HEADER.fullmatch(target):
        return "a header of the system in a public header"
    if "/" in target and target.split("/")[0] in ALLOWED:
        return "a header of src/ in a public header"
    return None


def check(root):
    """Lines that say what is wrong below `root`."""
    sources = {".cpp", ".hpp", ".h"}
    for layer in ALLOWED:
        folders = [root / "src" / layer, root / layer]
        for path in (p for f in folders if f.is_dir() for p in sorted(f.rglob("*"))):
            if path.suffix not in sources:
                continue
            for number, target in included(path):
                reason = wrong_in_layer(layer, target)
                if reason:
                    yield f"{path.relative_to(root)}:{number}: {target}: {reason}"
    for path in sorted((root / "include").rglob("*")):
        if path.suffix in sources:
            for number, target in included(path):
                reason = wrong_in_public(target)
                if reason:
                    yield f"{path.relative_to(root)}:{number}: {target}: {reason}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    wrong = list(check(root))
    print("\n".join(wrong) if wrong else "layers: every include goes the right way")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
