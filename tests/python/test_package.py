"""The package itself: version, imports, types."""

import ast
import importlib.metadata
import importlib.util
import pathlib
import re
import subprocess
import sys
import tarfile

import pytest

import tensorhold

ROOT = pathlib.Path(__file__).parents[2]
STUB = ROOT / "python/tensorhold/_core.pyi"


def test_the_version_is_one():
    header = (ROOT / "include/tensorhold/export.hpp").read_text()
    parts = [re.search(rf"TENSORHOLD_VERSION_{part} (\d+)", header).group(1)
             for part in ("MAJOR", "MINOR", "PATCH")]
    assert tensorhold.__version__ == ".".join(parts) == importlib.metadata.version("tensorhold")


def test_import_brings_in_no_framework():
    code = "import sys, tensorhold; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in said.stdout.split()}
    assert "tensorhold" in modules
    assert modules.isdisjoint({"numpy", "ml_dtypes", "torch", "jax", "tensorflow", "tqdm"})
    assert importlib.metadata.requires("tensorhold") is None or all(
        "extra ==" in line for line in importlib.metadata.requires("tensorhold"))


def test_help_says_what_each_is_for():
    for kind in (tensorhold, tensorhold.File, tensorhold.Tensor, tensorhold.Writer, tensorhold.FileLock):
        for name, value in vars(kind).items():
            if not name.startswith("_") and type(value).__name__ not in ("module", "type", "nb_type_0"):
                said = (value.__doc__ or "").rpartition("\n")[2]  # of functions, after the signature
                assert said.endswith(".") and len(said.split()) > 1 or said == '"cpu".', (kind, name)


def declared():
    """Names in the stub, of the module and of each class."""
    names = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = set()
        elif isinstance(node, ast.AnnAssign):
            names[node.target.id] = set()
    return names


# Special methods that every class has, or that only type checkers ask for.
ORDINARY = {"__new__", "__init__", "__doc__", "__module__", "__getattribute__", "__class_getitem__",
            "__buffer__", "__release_buffer__", "__hash__", "__del__"}


def test_the_stub_has_the_names_of_the_module():
    core = tensorhold._core
    names = declared()
    # Types that only the module or only the stub needs start with "_" and a capital letter.
    own = {name for name in vars(core) if not re.match("__|_[A-Z]", name)} | {"__version__"}
    assert own == {name for name in names if not re.match("_[A-Z]", name)}
    for name, members in names.items():
        if isinstance(getattr(core, name, None), type):
            assert members - ORDINARY == set(vars(getattr(core, name))) - ORDINARY, name


def test_everything_public_is_there_and_documented():
    for name in tensorhold.__all__:
        assert getattr(tensorhold, name).__doc__, name


# Adapters by the framework that gives them types.
FRAMEWORKS = {"numpy": "numpy", "_through_numpy": "numpy", "torch": "torch", "_torch": "torch", "flax": "jax",
              "tensorflow": "tensorflow", "paddle": "paddle", "mlx": "mlx"}
PACKAGE = [path for name in ("tensorhold", "_tensorhold_dropin")
           for path in sorted((ROOT / "python" / name).rglob("*.py*"))
           if path.suffix in (".py", ".pyi")
           and importlib.util.find_spec(FRAMEWORKS.get(path.stem, "sys"))]
EXAMPLES = sorted((ROOT / "examples/python").glob("*.py"))
USES = [ROOT / "tests/python/typed_uses.py"]


@pytest.mark.parametrize("files", [PACKAGE, EXAMPLES, USES], ids=["package", "examples", "uses"])
def test_mypy_strict(files, tmp_path):
    assert files
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10", "--cache-dir",
         str(tmp_path), "--ignore-missing-imports", *map(str, files)],
        capture_output=True, text=True, cwd=ROOT / "python")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_the_examples_run(example, model, tmp_path):
    done = subprocess.run([sys.executable, "-W", "error", str(example), str(model)],
                          capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout


def test_the_package_brings_the_command_along():
    script = pathlib.Path(sys.executable).with_name("tensorhold")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"tensorhold {tensorhold.__version__}\n"
    refused = subprocess.run([script, "ls", "absent"], capture_output=True, check=False)
    assert refused.returncode == 2 and b"not_found" in refused.stderr
    module = subprocess.run([sys.executable, "-m", "tensorhold._command", "help"], check=True,
                            capture_output=True)
    assert b"Usage: tensorhold" in module.stdout


def test_the_licences_of_what_is_linked_in_go_along():
    notices = "\n".join(path.read_text() for path in importlib.metadata.files("tensorhold")
                        if "licenses" in path.parts)
    for holder in ("Apache License", "Wenzel Jakob", "Thibaut Goetghebuer-Planchon", "simdjson",
                   "Victor Zverovich", "University of Cincinnati"):
        assert holder in notices, holder
    assert {path.stem for path in (ROOT / "licenses").iterdir()} == {
        "CLI11", "fmt", "nanobind", "robin_map", "simdjson"}


def test_a_source_distribution_has_what_cmake_needs_and_no_more(tmp_path):
    build = "import scikit_build_core.build as b, sys; print(b.build_sdist(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True,
                   capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
        opened.extractall(tmp_path, filter="data")
    listed = subprocess.run(["git", "ls-files", "src", "include", "cli", "python", "cmake", "examples",
                             "licenses", "CMakeLists.txt", "LICENSE", "README.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    assert not set(listed) - inside
    top = {name.partition("/")[0] for name in inside}
    assert top.isdisjoint({"build", "tests", "bench", "fuzz", "docs", "tools", ".venv", ".cache"})
    subprocess.run(["cmake", "-S", tmp_path / archive.name.removesuffix(".tar.gz"), "-B",
                    tmp_path / "build"], check=True, capture_output=True)
