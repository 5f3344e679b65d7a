"""Libraries that import safetensors do the same over the drop-in, where there is no safetensors, as
over the reference: same files byte for byte, same tensors, same errors.

Each with_LIBRARY.py runs once over either package, in processes of their own. The reference lies in a
folder that only its process searches, TENSORHOLD_REFERENCE. TENSORHOLD_PROGRAMS=all runs every step
of each, and in every way in which the drop-in is had.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
PROGRAMS = sorted(file.stem.removeprefix("with_") for file in HERE.glob("with_*.py"))
ALL = os.environ.get("TENSORHOLD_PROGRAMS") == "all"
OURS, THEIRS = "tensorhold.safetensors", "safetensors"

# Arguments of Python's before the program, and what is added to its environment.
INSTALLING = (
    "import runpy, sys, tensorhold.dropin as it; it.install(children=True);"
    " sys.path.insert(0, {here!r}); sys.argv[:1] = []; runpy.run_path(sys.argv[0], run_name='__main__')"
).format(here=str(HERE))
WAYS = {
    "variable": ([], {"TENSORHOLD_DROPIN": "1"}),
    "module": (["-m", "tensorhold.dropin"], {}),
    "install": (["-c", INSTALLING], {}),
}


@pytest.fixture(scope="module")
def reference_folder():
    folder = os.environ["TENSORHOLD_REFERENCE"]
    assert (pathlib.Path(folder) / "safetensors" / "__init__.py").is_file()
    return folder


def environment(home, **variables):
    """One in which nothing is downloaded, sets have one order, and nothing is shown."""
    kept = {name: value for name, value in os.environ.items()
            if name not in ("TENSORHOLD_DROPIN", "PYTHONPATH")}
    return {
        **kept, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "", **variables,
    }


class Run:
    """A program at work over a package, in a folder of its own."""

    def __init__(self, folder, program, package, options, variables):
        self.report, self.log = folder / "report.json", folder / "log"
        work = folder / "work"
        work.mkdir(parents=True)
        extent = "all" if ALL else "path"
        script = str(HERE / f"with_{program}.py")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *options, script, str(self.report), package, extent],
                cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(folder / "home", **variables))

    def lines(self):
        status = self.process.wait()
        assert status == 0, f"status {status}:\n" + self.log.read_text(errors="replace")[-4000:]
        lines = json.loads(self.report.read_text())
        assert any(what.endswith(".safetensors") for what, _ in lines)
        return lines


def test_safetensors_is_not_installed():
    """Otherwise a program might have used it unnoticed."""
    code = "import importlib.util as u; print(u.find_spec('safetensors'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=environment(os.devnull))
    assert (done.stdout.strip(), done.stderr) == ("None", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program, tmp_path, reference_folder):
    runs = {
        way: Run(tmp_path / way, program, OURS, *WAYS[way])
        for way in (WAYS if ALL else ["variable"])
    }
    theirs = Run(tmp_path / "reference", program, THEIRS, [], {"PYTHONPATH": reference_folder})
    expected = theirs.lines()
    for way, run in runs.items():
        found = run.lines()
        for (what, value), (wanted, other) in zip(found, expected):
            assert (what, value) == (wanted, other), f"{program}, {way}: {what}"
        assert len(found) == len(expected), (program, way)
