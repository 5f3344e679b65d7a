"""python -m tensorhold.dropin: scripts whose `import safetensors` is served by tensorhold."""

from __future__ import annotations

import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")

SCRIPT = """
import sys
import safetensors, safetensors.numpy
from safetensors import safe_open, SafetensorError
from safetensors.numpy import load_file, save_file
import numpy as np
import tensorhold.safetensors

assert safetensors is tensorhold.safetensors
assert safetensors.numpy is tensorhold.safetensors.numpy
assert sys.modules["safetensors"] is sys.modules["tensorhold.safetensors"]
assert safetensors.__spec__.name == "tensorhold.safetensors"
assert __name__ == "__main__"
save_file({"a": np.arange(3.0)}, sys.argv[1])
print(__file__, sys.argv, load_file(sys.argv[1])["a"].tolist(), sys.path[0])
"""


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tensorhold.dropin", *arguments],
        capture_output=True,
        text=True,
        **options,
    )


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "folder" / "script.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    return path


def test_script(script, tmp_path):
    model = str(tmp_path / "m.safetensors")
    ran = run(str(script), model, "--flag")
    assert ran.returncode == 0, ran.stderr
    expected = [str(script), [str(script), model, "--flag"], [0.0, 1.0, 2.0], str(script.parent)]
    assert ran.stdout.strip() == " ".join(map(str, expected))


def test_module(script, tmp_path):
    model = str(tmp_path / "m.safetensors")
    ran = run("-m", "script", model, cwd=script.parent)
    assert ran.returncode == 0, ran.stderr
    assert "[0.0, 1.0, 2.0]" in ran.stdout


def test_status_and_traceback(script):
    script.write_text("import sys\nsys.exit(7)")
    assert run(str(script)).returncode == 7
    script.write_text("import safetensors\nraise safetensors.SafetensorError('words')")
    ran = run(str(script))
    assert ran.returncode == 1
    assert "SafetensorError: words" in ran.stderr


def test_usage():
    assert run().returncode == 2
    assert "script.py" in run("--help").stdout
    assert run("-m").returncode == 2


def test_submodules_without_their_framework(script):
    script.write_text("import safetensors.torchvision")
    ran = run(str(script))
    assert "ModuleNotFoundError: No module named 'safetensors.torchvision'" in ran.stderr


def test_too_late():
    pytest.importorskip("safetensors")
    code = (
        "import safetensors, tensorhold.dropin\n"
        "try:\n    tensorhold.dropin.install()\n"
        "except ImportError as error:\n    print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "imported already" in ran.stdout, ran.stderr


def test_the_installation_stays():
    pytest.importorskip("safetensors")
    code = "import safetensors; print(safetensors.__name__)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "safetensors"


def test_importing_costs_no_framework():
    code = (
        "import sys, tensorhold.safetensors\n"
        "print([m for m in ('torch', 'numpy', 'jax', 'tensorflow', 'mlx') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr


def test_the_extension_module_is_ours_as_well(script):
    script.write_text(
        "from safetensors._safetensors_rust import SafetensorError, safe_open\n"
        "import safetensors, tensorhold.safetensors\n"
        "assert SafetensorError is tensorhold.safetensors.SafetensorError is safetensors.SafetensorError\n"
    )
    ran = run(str(script))
    assert (ran.returncode, ran.stderr) == (0, "")
