"""What the drop-in reaches: names in submodules, the distribution, other processes, devices."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import subprocess
import sys

import packages
import pytest

np = pytest.importorskip("numpy")

SUBMODULES = ["", "numpy", "torch", "_safetensors_rust"]


def python(code, *options, drop_in=False, **variables):
    """What a new Python prints for the code."""
    environment = {**os.environ, **variables}
    if drop_in:
        environment["TENSORHOLD_DROPIN"] = "1"
    else:
        environment.pop("TENSORHOLD_DROPIN", None)
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


@pytest.fixture
def module(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    return request.param


def own_names(module):
    """Not submodules: which of them a package has depends on what was imported before."""
    return {name for name in dir(module) if not name.startswith("__")} - {"flax", "mlx", "numpy", "paddle",
                                                                          "tensorflow", "torch"}


@pytest.mark.parametrize("module", SUBMODULES, indirect=True)
def test_modules_have_the_names_of_the_reference(module):
    theirs, ours = (packages.package(name, module) for name in packages.BOTH)
    assert own_names(theirs) <= set(dir(ours))
    for name in own_names(theirs):
        assert callable(getattr(ours, name)) == callable(getattr(theirs, name)), name


@pytest.mark.parametrize("module", SUBMODULES[:3], indirect=True)
def test_a_star_brings_the_same_names(module):
    packages.package(packages.REFERENCE)
    brought = (
        "from {}{} import *; print(sorted(n for n in dir() if n[0] != '_' and n != 'annotations'))"
    )
    theirs, ours = (
        set(eval(python(brought.format(name, module and f".{module}")))) for name in packages.BOTH
    )
    assert theirs <= ours | {"flax", "mlx", "paddle", "tensorflow"}


def test_raw_functions_of_numpy():
    ours, theirs = (packages.package(name, "numpy") for name in (packages.OURS, packages.REFERENCE))
    arrays = {"a": np.arange(3.0), "b": np.arange(3, dtype=">i4")}
    results = []
    for package in (ours, theirs):
        kept = []
        content = package.serialize(package._flatten(dict(arrays), kept))
        assert len(kept) == 1
        found = package._view2np(package.deserialize(content))
        results.append((content, {name: array.tolist() for name, array in found.items()}))
    assert results[0] == results[1]


def test_raw_functions_of_torch():
    torch = pytest.importorskip("torch")
    ours, theirs = (packages.package(name, "torch") for name in (packages.OURS, packages.REFERENCE))
    tensors = {"a": torch.arange(3.0), "b": torch.zeros(2, 0), "c": torch.tensor(True)}
    results = []
    for package in (ours, theirs):
        kept = []
        content = package.serialize(package._flatten_as_ptr(tensors, kept))
        found = package._view2torch(package.deserialize(content))
        results.append((content, {name: tensor.tolist() for name, tensor in found.items()}))
        groups = package._filter_shared_not_shared([{"a"}, {"c"}], tensors)
        assert sorted(map(sorted, groups)) == [["a"], ["c"]]
    assert results[0] == results[1]


# The distribution.

ASKED = """
import importlib.metadata as metadata
print(metadata.version("safetensors"), metadata.version("SafeTensors"))
print(metadata.distribution("safetensors").metadata["Name"])
print(sorted(metadata.requires("safetensors")))
print("safetensors" in metadata.packages_distributions()["safetensors"])
print([d.metadata["Name"] for d in metadata.distributions(path=[])])
import safetensors
print(metadata.version("safetensors") == safetensors.__version__)
print(metadata.metadata("safetensors").get_all("Provides-Extra"))
"""


def test_the_distribution_is_the_one_of_the_reference():
    packages.package(packages.REFERENCE)
    assert python(ASKED, drop_in=True) == python(ASKED)
    assert "0.8.0 0.8.0\nsafetensors\n" in python(ASKED, drop_in=True)


HIDDEN = """
import importlib.metadata as metadata, sys
find = metadata.MetadataPathFinder.find_distributions.__func__
def without(cls, context=metadata.DistributionFinder.Context()):
    return (found for found in find(cls, context) if found.metadata["Name"] != "safetensors")
metadata.MetadataPathFinder.find_distributions = classmethod(without)
try:
    print(metadata.version("safetensors"))
except metadata.PackageNotFoundError:
    print("not there")
print(metadata.version("tensorhold") != "0.8.0")
"""


def test_the_distribution_is_there_while_the_drop_in_is_on():
    assert python(HIDDEN) == "not there\nTrue"
    assert python(HIDDEN, drop_in=True) == "0.8.0\nTrue"


def test_looking_for_the_package_imports_nothing():
    code = (
        "import importlib.util, sys; found = importlib.util.find_spec('safetensors')\n"
        "print(found.origin, found.submodule_search_locations, 'tensorhold' in sys.modules)\n"
        "import safetensors; print(safetensors.__name__, safetensors.__spec__.name)"
    )
    where, served = python(code, drop_in=True).splitlines()
    file = packages.package(packages.OURS).__file__
    assert where == f"{file} {[os.path.dirname(file)]} False"
    assert served == "tensorhold.safetensors tensorhold.safetensors"


# Other processes.

WHO = "import safetensors; print(safetensors.__name__)"
INSTALLED = "import tensorhold.dropin, os; tensorhold.dropin.install({}); print(os.environ.get('TENSORHOLD_DROPIN'))"


def test_the_environment_serves_a_python():
    assert python(WHO, drop_in=True) == packages.OURS
    assert python(WHO, "-I", drop_in=True) == packages.OURS
    for value in ("0", "", "no"):
        ran = python("import sys; print('_tensorhold_dropin' in sys.modules)", TENSORHOLD_DROPIN=value)
        assert ran == "False"


def test_children_are_served_when_asked_for():
    assert python(INSTALLED.format("")) == "None"
    assert python(INSTALLED.format("children=True")) == "1"


STARTED = """
import multiprocessing, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
def who(_):
    import safetensors
    return safetensors.__name__
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            print(*pool.map(who, [0]))
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            print(*pool.map(who, [0]))
    code = "import safetensors; print(safetensors.__name__)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
"""


@pytest.mark.parametrize("how", ["script", "module", "install"])
def test_workers_and_children(tmp_path, how):
    (tmp_path / "script.py").write_text(
        "import tensorhold.dropin; tensorhold.dropin.install(children=True)\n" * (how == "install") + STARTED
    )
    line = {"script": ["-m", "tensorhold.dropin", "script.py"], "install": ["script.py"],
            "module": ["-m", "tensorhold.dropin", "-m", "script"]}[how]
    done = subprocess.run([sys.executable, *line], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {packages.OURS}
    assert len(done.stdout.split()) >= 3


def test_ranks_that_torch_starts(tmp_path):
    pytest.importorskip("torch")
    script = tmp_path / "script.py"
    script.write_text("import os, pathlib, safetensors\n"
                      "pathlib.Path(os.environ['RANK']).write_text(safetensors.__name__)")
    done = subprocess.run(
        [sys.executable, "-m", "tensorhold.dropin", "-m", "torch.distributed.run", "--standalone",
         "--nproc-per-node", "2", str(script)],
        cwd=tmp_path, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / rank).read_text() for rank in "01"] == [packages.OURS] * 2


# tensorhold-dropin.pth

def pth_line():
    files = importlib.metadata.files("tensorhold")
    (found,) = [file.locate() for file in files if file.name == "tensorhold-dropin.pth"]
    text = pathlib.Path(found).read_text()
    assert text == (pathlib.Path(__file__).parents[3] / "python/tensorhold-dropin.pth").read_text()
    return text


def test_the_line_is_installed_and_one_that_site_runs():
    (line,) = pth_line().splitlines()
    assert line.startswith("import ")


@pytest.mark.parametrize("broken", ["raise RuntimeError", "import nowhere", "syntax error", ""])
def test_the_line_never_raises(tmp_path, monkeypatch, broken):
    (tmp_path / "_tensorhold_dropin.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TENSORHOLD_DROPIN", "1")
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("_tensorhold_dropin")}
    try:
        exec(pth_line(), {})
    finally:
        sys.modules.pop("_tensorhold_dropin", None)
        sys.modules.update(kept)


def test_the_line_comes_too_late_with_a_word():
    packages.package(packages.REFERENCE)
    code = (
        "import os, safetensors, sys\n"
        "os.environ['TENSORHOLD_DROPIN'] = '1'\n"
        "exec(sys.argv[1])\n"
        "print(safetensors.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, pth_line()], capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "TENSORHOLD_DROPIN"},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "safetensors"), done.stderr
    assert "TENSORHOLD_DROPIN=1 has no effect: safetensors is imported already" in done.stderr


# Devices, frameworks that are not there, subinterpreters.

def test_devices_as_torch_understands_them(tmp_path):
    torch = pytest.importorskip("torch")
    path = str(tmp_path / "m.safetensors")
    ours = packages.package(packages.OURS, "torch")
    ours.save_file({"a": torch.arange(6.0).reshape(2, 3)}, path)
    for device in ("cpu", "cpu:0", "meta", torch.device("cpu"), torch.device("meta"), None):
        wanted = torch.device(device or "cpu").type
        loaded = ours.load_file(path, device)["a"]
        with packages.package(packages.OURS).safe_open(path, "pt", device) as file:
            found = [loaded, file.get_tensor("a"), file.get_tensors()["a"]]
            assert file.get_slice("a")[:1].shape == (1, 3)
            assert file.get_slice("a")[:1].device.type == wanted
        assert {(tensor.device.type, tensor.shape) for tensor in found} == {(wanted, (2, 3))}
    model = torch.nn.Linear(3, 2, bias=False)
    ours.save_model(model, path)
    assert ours.load_model(torch.nn.Linear(3, 2, bias=False), path, device="cpu:0") == (set(), [])


@pytest.mark.parametrize("framework", ["pt", "np", "flax", "tf", "mlx", "paddle"])
def test_headers_need_no_framework(tmp_path, framework):
    path = str(tmp_path / "m.safetensors")
    packages.package(packages.OURS, "numpy").save_file({"a": np.zeros((2, 3))}, path, {"k": "v"})
    code = (
        "import sys\n"
        "for name in ('torch', 'numpy', 'jax', 'tensorflow', 'mlx', 'paddle'): sys.modules[name] = None\n"
        "from tensorhold.safetensors import safe_open\n"
        f"with safe_open({path!r}, {framework!r}) as file:\n"
        "    print(file.keys(), file.offset_keys(), file.metadata(), file.get_slice('a').get_shape(),\n"
        "          file.get_slice('a').get_dtype())\n"
        "    for ask in (lambda: file.get_tensor('a'), lambda: file.get_slice('a')[0]):\n"
        "        try: ask()\n"
        "        except ModuleNotFoundError as error: print(error.name.partition('.')[0])\n"
    )
    first, *missing = python(code).splitlines()
    assert first == "['a'] ['a'] {'k': 'v'} [2, 3] F64"
    assert len(missing) == 2


IN_ANOTHER = """
import sys
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
for code in ("import tensorhold", "import _tensorhold_dropin as d; d.install(); import safetensors"):
    interpreters.run_string(interpreters.create(), f'''
try:
    {code}
except ImportError as error:
    assert "subinterpreter" in str(error), error
    print("refused", flush=True)
''')
"""


def test_a_subinterpreter_is_told():
    assert python(IN_ANOTHER).split() == ["refused"] * 2
    assert python("import tensorhold\n" + IN_ANOTHER).split() == ["refused"] * 2
    assert python(IN_ANOTHER, drop_in=True).split() == ["refused"] * 2
