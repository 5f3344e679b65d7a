"""The checker of layers finds what it is there for, in trees made to be wrong."""

import pathlib
import subprocess
import sys
import tempfile

# A right tree: each file with its includes.
TREE = {
    "include/tensorhold/dtype.hpp": "<span>",
    "include/tensorhold/file.hpp": '"tensorhold/dtype.hpp"',
    "include/tensorhold/tensorhold.hpp": '"tensorhold/file.hpp"',
    "src/base/checked.hpp": "<cstddef>",
    "src/os/error/error_posix.hpp": '"base/checked.hpp"',
    "src/os/file/file.hpp": "<cstddef>",
    "src/os/file/file_posix.cpp": '"os/error/error_posix.hpp" "os/file/file.hpp"',
    "src/format/header.hpp": '"tensorhold/dtype.hpp"',
    "src/file/open.cpp": '"tensorhold/file.hpp" "format/header.hpp" "os/file/file.hpp"',
    "cli/output/text.hpp": "<string>",
    "cli/main.cpp": '"cli/output/text.hpp" "tensorhold/tensorhold.hpp"',
    "python/module/shared/module.hpp": '"tensorhold/tensorhold.hpp"',
    "python/module/file.cpp": '"shared/module.hpp"',
}
TABLE = """\
# Before

| Another | table |
| --- | --- |
| `a` | b |

| Room | What it does | May include | Public headers |
| --- | --- | --- | --- |
| `base` | sums | | `dtype` |
| `os/error` | words | `base` | |
| `os/file` | files | `os/error` | |
| `format` | headers | `base` | |
| `file` | open | `format` `os` | `file` |
| `cli/output` | text | | |
| `cli` | the command | `cli/output` `public` | |
| `python/module/shared` | types | `public` | |
| `python/module` | Python | `python/module/shared` | |

Behind.
"""

# What is said of the tree with that file and include more, which may replace one; None: it is right.
INCLUDES = [
    ("src/os/file/a.cpp", '"os/error/error_posix.hpp"', None),
    ("src/os/file/a.cpp", '"base/checked.hpp"', "os/file must not know base"),
    ("src/os/error/a.cpp", '"os/file/file.hpp"', "os/error must not know os/file"),
    ("src/os/error/a.cpp", '"file/open.hpp"', "os/error must not know file"),
    ("src/base/a.cpp", '"os/file/file.hpp"', "base must not know os/file"),
    ("src/base/a.cpp", '"tests/support/a.hpp"', None),  # there is no such folder: nothing of this tree
    ("src/format/a.cpp", '"tensorhold/file.hpp"', "format must not know file"),
    ("src/format/a.cpp", '"tensorhold/dtype.hpp"', None),
    ("src/file/a.cpp", '"os/error/error.hpp"', None),  # an arrow to os is one to all in it
    ("src/file/a.cpp", '"os/error/error_posix.hpp"', "is of one system, and for os alone"),
    ("src/file/a.cpp", '"tensorhold/nobody.hpp"', "belongs to no room"),
    ("src/file/a.cpp", '"tensorhold/tensorhold.hpp"', "belongs to no room"),
    ("src/file/deeper/a.cpp", "<span>", "file/deeper: a room without a row"),
    ("src/other/a.cpp", "<span>", "other: a room without a row"),
    ("cli/a.cpp", '"tensorhold/file.hpp"', None),
    ("cli/a.cpp", '"os/file/file.hpp"', "cli must not know os/file"),
    ("cli/output/a.cpp", '"cli/command.hpp"', "cli/output must not know cli"),
    ("cli/output/a.cpp", '"tensorhold/file.hpp"', "cli/output must not know public"),
    ("python/module/shared/a.cpp", '"module.hpp"', None),
    ("python/module/shared/a.cpp", '"../file.cpp"', "python/module/shared must not know python/module"),
    ("include/tensorhold/dtype.hpp", "<windows.h>", "a header of the system in a public header"),
    ("include/tensorhold/dtype.hpp", "<sys/mman.h>", "a header of the system in a public header"),
    ("include/tensorhold/dtype.hpp", '"base/checked.hpp"', "a header of src/ in a public header"),
    ("include/tensorhold/a.hpp", "<span>", "a.hpp: a public header that belongs to no room"),
    # What nothing includes any more.
    ("src/file/open.cpp", '"tensorhold/file.hpp" "os/file/file.hpp"', "file may include format, and does not"),
    ("cli/main.cpp", '"cli/output/text.hpp"', "cli may include public, and does not"),
]

# The same of the tree with another table: what is replaced there, and by what.
TABLES = [
    ("| `os/file` | files | `os/error` | |\n", "", "os/file: a room without a row"),
    ("Behind.", "", None),
    ("\nBehind.", "| `gone` | nothing | | |\n", "gone: no such room"),
    ("\nBehind.", "| `base` | again | | |\n", "one row a room"),
    ("| sums | |", "| sums | `os/file` |", "base may include os/file, and does not"),
    ("| words | `base` |", "| words | `base` `os/file` |", "a circle: os/error -> os/file -> os/error"),
    ("| words | `base` |", "| words | |", "os/error must not know base"),
    ("`format` `os`", "`format` `os` `os/error`", "file may include os/error, and does not"),
    ("| `file` |\n", "| `file` `dtype` |\n", "dtype.hpp belongs to two rooms"),
    ("| `file` |\n", "| `file` `absent` |\n", "absent.hpp: no such public header"),
    ("| May include |", "| May |", "no table with the columns"),
]


def said_of(tree, table):
    """What the checker says, or None where all is right."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file, includes in {**tree, "docs/architecture.md": table}.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(includes if path.suffix == ".md"
                            else "".join(f"#include {target}\n" for target in includes.split()))
        result = subprocess.run([sys.executable, sys.argv[1], name], stdout=subprocess.PIPE, text=True)
    if result.returncode not in (0, 1) or (result.returncode == 0) != result.stdout.startswith("layers: "):
        return f"status {result.returncode}, and: {result.stdout}"
    return result.stdout if result.returncode else None


failed = 0


def expect(what, said, expected):
    global failed
    if said is not expected and (said is None or expected is None or expected not in said):
        print(f"{what}: said {said!r}, expected {expected!r}")
        failed += 1


def main():
    expect("the right tree", said_of(TREE, TABLE), None)
    for file, includes, expected in INCLUDES:
        expect(f"{file} including {includes}", said_of({**TREE, file: includes}, TABLE), expected)
    for old, new, expected in TABLES:
        assert old in TABLE, old
        expect(f"{new!r} for {old!r}", said_of(TREE, TABLE.replace(old, new)), expected)
    return 1 if failed else 0


sys.exit(main())
