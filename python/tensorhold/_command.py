"""The console script `tensorhold`: starts the command that the package brings along."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import tensorhold


def path() -> pathlib.Path:
    """The command of this package. Raises FileNotFoundError where it was built without one."""
    name = "tensorhold.exe" if os.name == "nt" else "tensorhold"
    # An editable install has its Python part in one folder and what is compiled in another.
    for folder in tensorhold.__path__:
        found = pathlib.Path(folder, "bin", name)
        if found.is_file():
            return found
    raise FileNotFoundError("this package was built without the command tensorhold "
                            "(TENSORHOLD_CLI=OFF); build it anew with CLI11 and fmt")


def main() -> int:
    """Becomes the command; where a process cannot do that, waits for it and returns its status."""
    try:
        command = str(path())
    except FileNotFoundError as error:
        print(f"tensorhold: {error}", file=sys.stderr)
        return 2
    sys.stdout.flush()
    if os.name == "nt":
        return subprocess.run([command, *sys.argv[1:]], check=False).returncode
    os.execv(command, ["tensorhold", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
