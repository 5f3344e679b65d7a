"""The checker of layers finds what it is there for, in trees made to be wrong."""

import pathlib
import subprocess
import sys
import tempfile

CASES = [
    # file, its include, is it right?
    ("src/os/a.cpp", '"base/checked.hpp"', True),
    ("src/base/a.cpp", '"os/file.hpp"', False),
    ("src/hold/a.cpp", '"format/header.hpp"', False),
    ("src/format/a.cpp", '"tensorhold/file.hpp"', False),
    ("src/format/a.cpp", '"tensorhold/dtype.hpp"', True),
    ("src/tensor/a.cpp", '"tensorhold/nobody.hpp"', False),
    ("cli/a.cpp", '"tensorhold/tensorhold.hpp"', True),
    ("cli/a.cpp", '"os/file.hpp"', False),
    ("include/tensorhold/a.hpp", "<windows.h>", False),
    ("include/tensorhold/a.hpp", "<sys/mman.h>", False),
    ("include/tensorhold/a.hpp", "<span>", True),
]

failed = 0
for file, target, right in CASES:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, file)
        path.parent.mkdir(parents=True)
        (pathlib.Path(folder) / "include").mkdir(exist_ok=True)
        path.write_text(f"#include {target}\n")
        status = subprocess.run([sys.executable, sys.argv[1], folder], stdout=subprocess.DEVNULL).returncode
        if (status == 0) != right:
            print(f"{file} including {target}: judged {'right' if status == 0 else 'wrong'}")
            failed += 1
sys.exit(1 if failed else 0)
