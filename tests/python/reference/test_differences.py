"""Each row of "Differences from safetensors" in docs/python.md, seen in both packages."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys
import warnings

import packages
import pytest

import tensorhold

np = pytest.importorskip("numpy")

OURS, REFERENCE = packages.OURS, packages.REFERENCE


def numpy_of(name):
    return packages.package(name, "numpy")


def torch_of(name):
    pytest.importorskip("torch")
    return packages.package(name, "torch")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


def maps(path):
    return path in pathlib.Path("/proc/self/maps").read_text()


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="no /proc")


def test_the_table_has_no_row_that_is_not_tested_here():
    text = (pathlib.Path(__file__).parents[3] / "docs/python.md").read_text()
    rows = text.partition("## Differences from safetensors")[2].count("\n| ") - 2
    tests = [name for name in globals() if name.startswith("test_row_")]
    assert rows == len({name.split("_")[2] for name in tests})


@pytest.mark.parametrize("name, right", [(OURS, True), (REFERENCE, False)])
def test_row_1_arrays_that_are_not_row_major(name, right):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for part in (array, array[:, ::2], array[::-1]):
        loaded = numpy_of(name).load(numpy_of(name).save({"a": part}))["a"]
        assert loaded.shape == part.shape
        assert (loaded == part).all() == right


@pytest.mark.parametrize("name, right", [(OURS, True), (REFERENCE, False)])
def test_row_2_pending_conjugation_and_negation(name, right):
    adapter = torch_of(name)
    torch = sys.modules["torch"]
    conjugated = torch.tensor([1 + 2j, 3 - 4j]).conj()
    negated = conjugated.imag
    assert conjugated.is_conj() and negated.is_neg()
    for tensor in (conjugated, negated[:1]):
        loaded = adapter.load(adapter.save({"a": tensor}))["a"]
        assert torch.equal(loaded, tensor.resolve_conj().resolve_neg()) == right


@needs_proc
@pytest.mark.parametrize("name, holds", [(OURS, False), (REFERENCE, True)])
def test_row_3_a_slice_with_torch_of_a_closed_file(path, name, holds):
    torch_of(name)
    numpy_of(OURS).save_file({"a": np.arange(6, dtype=np.float32)}, path)
    with packages.package(name).safe_open(path, "pt") as file:
        part = file.get_slice("a")
    whole, again = part[:], part[1:3]
    assert maps(path)  # by the object that get_slice gave
    whole.zero_()
    assert (again.tolist() == [0, 0]) == holds
    del part
    assert maps(path) == holds


# What is alike, so that it stays so: views of the same pages, of the whole tensor's storage.
@needs_proc
@pytest.mark.parametrize("name", [OURS, REFERENCE])
def test_slices_with_torch_are_views(path, name):
    torch_of(name)
    numpy_of(OURS).save_file({"a": np.arange(60, dtype=np.float32).reshape(6, 10), "b": np.ones(3)}, path)
    with packages.package(name).safe_open(path, "pt") as file:
        tensor, part = file.get_tensor("a"), file.get_slice("a")
        for index in (slice(None), slice(1, 3), (slice(None), slice(0, None, 2)), (2, 3), ..., None):
            cut, wanted = part[index], tensor[index]
            assert cut.data_ptr() == wanted.data_ptr() and cut.stride() == wanted.stride()
            assert cut.untyped_storage().nbytes() == 240
        part[1:3].zero_()
        assert tensor[0:3, 9].tolist() == [9, 0, 0] == file.get_slice("a")[0:3, 9].tolist()
        del tensor, part, wanted
    assert maps(path)
    del cut
    assert not maps(path)
    assert numpy_of(OURS).load_file(path)["a"].tolist()[1][0] == 10


@needs_proc
@pytest.mark.parametrize("name", [OURS, REFERENCE])
def test_slices_with_torch_are_copies_where_the_file_is_read(path, name):
    torch_of(name)
    numpy_of(OURS).save_file({"a": np.arange(6, dtype=np.float32)}, path)
    with packages.package(name).safe_open(path, "pt", backend="pread") as file:
        whole, again = file.get_slice("a")[:], file.get_slice("a")[1:3]
    assert not maps(path)
    whole.zero_()
    assert again.tolist() == [1, 2] and again.untyped_storage().nbytes() == 8


def small(ml_dtypes, name):
    return np.arange(4).astype(getattr(ml_dtypes, name))


ML = ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


@pytest.mark.parametrize("dtype", ML)
def test_row_4_small_floats_with_numpy(path, dtype):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    if not hasattr(ml_dtypes, dtype):
        pytest.skip(f"ml_dtypes without {dtype}")
    array = small(ml_dtypes, dtype)
    ours = numpy_of(OURS)
    content = ours.save({"a": array})
    ours.save_file({"a": array}, path)
    with packages.package(OURS).safe_open(path, "np") as file:
        found = [ours.load(content)["a"], ours.load_file(path)["a"], file.get_tensor("a"), file.get_slice("a")[:]]
    for loaded in found:
        assert loaded.dtype == array.dtype and loaded.tobytes() == array.tobytes()
    reference = numpy_of(REFERENCE)
    with pytest.raises(KeyError):
        reference.load(content)
    if dtype == "bfloat16":
        assert reference.load_file(path)["a"].tobytes() == array.tobytes()
    else:
        with pytest.raises(AttributeError):
            reference.load_file(path)


@pytest.mark.parametrize("submodule", ["numpy", "torch"])
def test_row_5_content_that_is_not_bytes(submodule):
    if submodule == "torch":
        pytest.importorskip("torch")
    content = numpy_of(OURS).save({"a": np.arange(3.0)})
    forms = [bytearray(content), memoryview(content), np.frombuffer(content, np.uint8)]
    for form in forms:
        assert packages.package(OURS, submodule).load(form)["a"].tolist() == [0, 1, 2]
        with pytest.raises(TypeError, match="is not an instance of 'bytes'"):
            packages.package(REFERENCE, submodule).load(form)


# In a child process, where the system from now on fails every fsync and fdatasync.
WITHOUT_SYNC = """
import importlib, sys
import numpy as np, unsynced
unsynced.refuse_syncs()
module = importlib.import_module(sys.argv[1] + ".numpy")
try:
    module.save_file({"a": np.zeros(3)}, sys.argv[2])
    print("saved")
except Exception as error:
    print(error)
"""


@pytest.mark.parametrize("name, syncs", [(OURS, True), (REFERENCE, False)])
def test_row_6_a_save_is_durable(path, name, syncs):
    packages.package(name)
    ran = subprocess.run([sys.executable, "-c", WITHOUT_SYNC, name, path], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent),
                              "TENSORHOLD_DURABLE": ""})
    if ran.stderr.strip() == "skip":
        pytest.skip("no filter of system calls")
    assert ran.returncode == 0, ran.stderr
    assert (ran.stdout.strip() != "saved") == syncs, ran.stdout


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize("name, keeps", [(OURS, True), (REFERENCE, False)])
def test_row_6_a_save_keeps_the_mode(path, name, keeps):
    adapter = numpy_of(name)
    adapter.save_file({"a": np.zeros(3)}, path)
    os.chmod(path, 0o604)
    adapter.save_file({"a": np.ones(3)}, path)
    assert (stat.S_IMODE(os.stat(path).st_mode) == 0o604) == keeps


@pytest.mark.parametrize("submodule", ["numpy", "torch"])
def test_row_6_a_save_over_a_file_that_is_mapped(path, submodule):
    if submodule == "torch":
        pytest.importorskip("torch")
    adapter = packages.package(OURS, submodule)
    numpy_of(OURS).save_file({"a": np.arange(1000.0), "b": np.zeros(3)}, path)
    loaded = adapter.load_file(path, access="mapped")
    adapter.save_file({"a": loaded["a"]}, path)
    assert loaded["a"].tolist() == adapter.load_file(path)["a"].tolist() == list(range(1000))
    assert loaded["b"].tolist() == [0, 0, 0]
    assert tensorhold.open(path).keys() == ["a"]


@pytest.mark.parametrize("name, right", [(OURS, True), (REFERENCE, False)])
def test_row_13_storage_that_is_shorter(name, right):
    adapter = torch_of(name)
    tensor = sys.modules["torch"].zeros(1000)
    tensor.untyped_storage().resize_(3999)
    if right:
        with pytest.raises(ValueError, match="`a` needs 4000 bytes"):
            adapter.save({"a": tensor})
    else:
        assert len(adapter.save({"a": tensor})) > 4000


@pytest.mark.parametrize("name, right", [(OURS, True), (REFERENCE, False)])
@pytest.mark.filterwarnings("ignore:for weight:UserWarning", "ignore:for bias:UserWarning")
def test_row_14_a_model_on_the_meta_device(path, name, right):
    adapter = torch_of(name)
    torch = sys.modules["torch"]
    adapter.save_model(torch.nn.Linear(3, 2), path)
    with torch.device("meta"):
        model = torch.nn.Linear(3, 2)
    assert adapter.load_model(model, path) == (set(), [])
    assert (model.weight.device.type == "cpu") == right


@pytest.mark.parametrize("name, warns", [(OURS, True), (REFERENCE, False)])
def test_row_15_64_bits_with_flax(name, warns):
    jax = pytest.importorskip("jax")
    pytest.importorskip("flax")
    content = numpy_of(OURS).save({"steps": np.array([2**40 + 5])})
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            loaded = packages.package(name, "flax").load(content)["steps"]
    finally:
        jax.config.update("jax_enable_x64", before)
    assert loaded.tolist() == [5]
    assert any("`steps`" in str(one.message) for one in told) == warns


@pytest.mark.parametrize("name, right", [(OURS, True), (REFERENCE, False)])
def test_row_16_f64_with_mlx(name, right):
    pytest.importorskip("mlx.core")
    content = numpy_of(OURS).save({"a": np.array([1 / 3])})
    assert (packages.package(name, "mlx").load(content)["a"].tolist() == [1 / 3]) == right


INDICES = [np.array([1, 0]), np.array([1]), np.array([True, False]), True, (True, 0)]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_row_7_numpy_by_what_only_numpy_knows(path, index):
    array = np.arange(6.0).reshape(2, 3)
    numpy_of(OURS).save_file({"a": array}, path)
    with packages.package(OURS).safe_open(path, "np") as file:
        assert file.get_slice("a")[index].tolist() == array[index].tolist()
    reference = packages.package(REFERENCE)
    with reference.safe_open(path, "np") as file:
        if index is True or isinstance(index, tuple):
            assert file.get_slice("a")[index].tolist() != array[index].tolist()
        else:
            with pytest.raises(reference.SafetensorError):
                file.get_slice("a")[index]


def test_row_8_devices(path):
    torch_of(OURS).save_file({"a": sys.modules["torch"].zeros(3)}, path)
    torch = sys.modules["torch"]
    for device in ("cpu:0", "meta", torch.device("cpu"), torch.device("meta")):
        wanted = torch.device(device).type
        assert torch_of(OURS).load_file(path, device)["a"].device.type == wanted
        reference = packages.package(REFERENCE)
        with pytest.raises(reference.SafetensorError, match="is invalid"):
            torch_of(REFERENCE).load_file(path, device)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_row_9_a_file_that_may_not_be_opened(path):
    numpy_of(OURS).save_file({"a": np.zeros(3)}, path)
    os.chmod(path, 0)
    if os.geteuid() != 0:
        forbidden(path)
        return
    # Root may open all, so another user tries, in a process of its own.
    for folder in list(pathlib.Path(path).parents)[:-2]:
        os.chmod(folder, 0o755)
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            forbidden(path)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def forbidden(path):
    for name in (REFERENCE, OURS):
        with pytest.raises(FileNotFoundError) as raised:
            packages.package(name).safe_open(path, "np")
        assert isinstance(raised.value, PermissionError) == (name == OURS)


def test_row_9_a_folder(tmp_path):
    for name in (REFERENCE, OURS):
        with pytest.raises(OSError) as raised:
            packages.package(name).safe_open(str(tmp_path), "np")
        assert isinstance(raised.value, IsADirectoryError) == (name == OURS)


TWICE = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
LISTED = b'{"a":["U8",[1],[0,1]]}'


@pytest.mark.parametrize("header", [TWICE, LISTED], ids=["twice", "list"])
def test_row_10_headers(header):
    content = packages.file_content(header, b"0")
    assert dict(packages.package(REFERENCE).deserialize(content))["a"]["shape"] == [1]
    ours = packages.package(OURS)
    with pytest.raises(ours.SafetensorError, match="invalid JSON in header"):
        ours.deserialize(content)


@pytest.mark.parametrize("name, works", [(OURS, True), (REFERENCE, False)])
def test_row_11_headers_without_the_framework(path, name, works):
    numpy_of(OURS).save_file({"a": np.zeros(3)}, path)
    packages.package(name)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"import {name} as st\nprint(st.safe_open({path!r}, 'pt').keys())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stdout.strip() == "['a']") == works, ran.stderr
    assert ("ModuleNotFoundError" in ran.stderr) != works


@pytest.mark.parametrize("dtype, shape", [("F8_E8M0", [2]), ("F4", [4])])
def test_row_12_dtypes_that_bytes_may_have(dtype, shape):
    adapter = torch_of(OURS)
    content = packages.file_content({"a": packages.entry(dtype, shape, 0, 2)}, b"01")
    if dtype not in adapter._TYPES:
        pytest.skip(f"torch without {dtype}")
    assert adapter.load(content)["a"].shape == (2,)
    with pytest.raises(KeyError):
        torch_of(REFERENCE).load(content)


def test_row_12_slices_of_f4(path):
    content = packages.file_content({"a": packages.entry("F4", [4], 0, 2)}, b"01")
    pathlib.Path(path).write_bytes(content)
    if "F4" not in torch_of(OURS)._TYPES:
        pytest.skip("torch without F4")
    with packages.package(OURS).safe_open(path, "pt") as file:
        assert file.get_slice("a")[:].shape == (2,) and file.get_slice("a")[2:].shape == (1,)
    with packages.package(REFERENCE).safe_open(path, "pt") as file:
        with pytest.raises(RuntimeError, match="invalid for input"):
            file.get_slice("a")[:]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 4), (0,)], ids=str)
@pytest.mark.parametrize("name, works", [(OURS, True), (REFERENCE, False)])
def test_row_17_slices_of_empty_tensors(path, name, works, shape):
    package = packages.package(name)
    array = np.zeros(shape, np.float32)
    numpy_of(OURS).save_file({"a": array}, path)
    with package.safe_open(path, "np") as file:
        for index in (..., (slice(None),) * len(shape)):
            if works:
                assert file.get_slice("a")[index].shape == array[index].shape == shape
            else:
                with pytest.raises(package.SafetensorError, match="out of bounds"):
                    file.get_slice("a")[index]
        assert file.get_tensor("a").shape == shape
