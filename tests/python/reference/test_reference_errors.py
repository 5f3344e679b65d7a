"""Every error of the reference package that a program can provoke, read from the installed package
and compared: type and words, to the last letter. The torch ones are in
test_reference_errors_torch.py; what differs on purpose is in test_differences.py."""

from __future__ import annotations

import copy
import ctypes
import pathlib
import pickle

import packages
import provoked
import pytest

np = pytest.importorskip("numpy")
pytest.importorskip(packages.REFERENCE)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a file, the same for both packages."""
    monkeypatch.chdir(tmp_path)
    arrays = {"a": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "s": np.array(5)}
    packages.package(packages.REFERENCE, "numpy").save_file(arrays, "m.safetensors")
    pathlib.Path("folder").mkdir()


def same(provoke):
    """`provoke(package, its numpy module)` for both packages; the reference must refuse."""
    theirs, ours = (
        provoked.told(lambda: provoke(packages.package(name), packages.package(name, "numpy")))
        for name in packages.BOTH
    )
    assert theirs[0], "the reference refuses nothing"
    assert ours == theirs


@pytest.mark.parametrize("name", provoked.HEADERS)
def test_headers(name):
    content = provoked.HEADERS[name]
    pathlib.Path("bad").write_bytes(content)
    for backend in ("mmap", "pread"):
        same(lambda st, _: st.safe_open("bad", "np", backend=backend))
    same(lambda _, numpy: numpy.load_file("bad"))
    same(lambda st, _: st.deserialize(content))
    same(lambda _, numpy: numpy.load(content))


OPENED = {
    "absent": ("absent", "np"),
    "absent folder": ("absent/x", "np"),
    "a file is no folder": ("m.safetensors/x", "np"),
    "no path": ("", "np"),
    "zero in the path": ("a\0b", "np"),
    "long path": ("x" * 300, "np"),
    "absent, device": ("absent", "np", "cuda"),
    "absent, wrong device": ("absent", "np", "foo"),
    "absent, framework": ("absent", "onnx"),
    "path is a number": (3, "np"),
    "path is None": (None, "np"),
    "path is bytes": (b"m.safetensors", "np"),
    "path is a list": ([], "np"),
    "framework is None": ("m.safetensors", None),
    "framework is a number": ("m.safetensors", 3),
    **{f"framework {name!r}": ("m.safetensors", name) for name in ("NumPy", "PT", "onnx", "pd", "")},
    **{
        f"device {device!r}": ("m.safetensors", "np", device)
        for device in (
            *("cuda", "cuda:1", "cuda:+1", "cuda:x", "cuda:", "cuda:-1", "cuda:1:2", f"cuda:{2**64}"),
            *("mps", "mps:0", "mps:1", "mps:x", "xpu:0", "npu", "hpu:3", "xla", "mlu", "musa:2"),
            *("meta", "cpu:0", "CPU", "", "auto", "cuda:0 ", "gpu", 0, 3, -1, 2**64, 1.5, [1], b"cpu"),
        )
    },
}


@pytest.mark.parametrize("name", OPENED)
def test_arguments_of_safe_open(name):
    same(lambda st, _: st.safe_open(*OPENED[name]))


@pytest.mark.parametrize("backend", ["x", "", 'a"b', 3, None], ids=repr)
def test_backends(backend):
    same(lambda st, _: st.safe_open("m.safetensors", "np", backend=backend))


def opened(st):
    return st.safe_open("m.safetensors", "np")


FILE = {
    "no such tensor": lambda file: file.get_tensor("x"),
    "no such slice": lambda file: file.get_slice("x"),
    "empty name": lambda file: file.get_tensor(""),
    "name is a number": lambda file: file.get_tensor(3),
    "name of a slice is None": lambda file: file.get_slice(None),
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy of a slice": lambda file: copy.deepcopy(file.get_slice("a")),
}
CLOSED = {
    **{
        name: lambda file, name=name: getattr(file, name)()
        for name in ("keys", "offset_keys", "metadata", "get_tensors")
    },
    "get_tensor": lambda file: file.get_tensor("a"),
    "get_slice": lambda file: file.get_slice("a"),
}


@pytest.mark.parametrize("name", FILE)
def test_files(name):
    same(lambda st, _: FILE[name](opened(st)))


@pytest.mark.parametrize("name", CLOSED)
def test_closed_files(name):
    def provoke(st, _):
        with opened(st) as file:
            pass
        CLOSED[name](file)

    same(provoke)


full = slice(None)
INDICES = [
    *("a", 1.0, None, (0, "a"), (0, None), [1, 0], [True], 2**40, -(2**40), 5, -3, (0, 3), (5, 5)),
    *((0, 0, 0, 0), (0, 0, 0, -9), (0, 0, 0, "a"), (..., ...), (..., 5), (0, ..., -9), (full, 9)),
    *((-1, 9), (-9, "a"), (slice(None, None, -1), "a"), (slice(0, 1, 2), slice(1, None, 3), 9)),
    *(slice(None, None, -1), slice(None, None, 0), slice(0, 50), slice(3, 5), slice(2, 1), slice(5, None)),
    *(slice(-1, None), slice(0, -1), slice(0, "a"), slice(1.5, None), slice(0, 2**70)),
    *(slice(None, None, "x"), (slice(1, 2), 5), (9, slice(-1, None)), (9, ..., 0, 0, 0)),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indices(index):
    same(lambda st, _: opened(st).get_slice("a")[index])


@pytest.mark.parametrize("index", [0, full, (..., 0)], ids=repr)
def test_indices_of_a_scalar(index):
    same(lambda st, _: opened(st).get_slice("s")[index])


@pytest.mark.parametrize("dtype, nbytes", [("F4", 2), ("F6_E2M3", 3), ("F6_E3M2", 3)])
def test_parts_of_bytes(dtype, nbytes):
    tensor = {"a": provoked.entry(dtype, [4], 0, nbytes)}
    content = provoked.content(tensor, bytes(nbytes))
    pathlib.Path("small").write_bytes(content)
    for index in (0, slice(1, 2)):
        same(lambda st, _: st.safe_open("small", "np").get_slice("a")[index])
    same(lambda _, numpy: numpy.load(content))
    if dtype != "F4":  # which numpy lacks, as its AttributeError says
        same(lambda _, numpy: numpy.load_file("small"))
        same(lambda st, _: st.safe_open("small", "np").get_tensor("a"))


MEMORY = (ctypes.c_char * 8)(*b"12345678")


def spec(st, **changes):
    fields = {"dtype": "float32", "shape": [2], "data_ptr": ctypes.addressof(MEMORY), "data_len": 8}
    return st.TensorSpec(**{**fields, **changes})


SPECS = [
    *({"dtype": name} for name in ("F32", "foo", 'fo"o\n', "torch.float32", "complex128", 3)),
    *({"shape": shape} for shape in (3, "ab", None, {2: 1}, [1.5], [-1], ["a"], [2**70])),
    *({"data_ptr": address} for address in (-1, "a", 2**70)),
    *({"data_len": length} for length in (-1, 1.5)),
    {"dtype": "float4_e2m1fn_x2", "shape": [2**63]},
]


@pytest.mark.parametrize("changes", SPECS, ids=repr)
def test_specs(changes):
    same(lambda st, _: spec(st, **changes))


def test_specs_do_not_pickle():
    same(lambda st, _: pickle.dumps(spec(st)))


SERIALIZED = {
    "a list": lambda st: [spec(st)],
    "None": lambda st: None,
    "numbers": lambda st: {"a": 3},
    "dicts": lambda st: {"a": {"dtype": "F32"}},
    "names that are numbers": lambda st: {1: spec(st)},
    "names that are None": lambda st: {None: spec(st)},
    "names that are no text": lambda st: {"\ud800": spec(st)},
    "too many elements": lambda st: {"a": spec(st, shape=[3])},
    "overflow": lambda st: {"a": spec(st, shape=[2**63, 2])},
    "overflow of bytes": lambda st: {"a": spec(st, shape=[2**62])},
    "half a byte": lambda st: {"a": spec(st, dtype="float4_e2m1fn_x2", shape=[])},
}


@pytest.mark.parametrize("name", SERIALIZED)
def test_serialize(name):
    same(lambda st, _: st.serialize(SERIALIZED[name](st)))
    same(lambda st, _: st.serialize_file(SERIALIZED[name](st), "out"))


METADATA = [{"k": 1}, {1: "k"}, {"k": None}, {"k": {}}, [("a", "b")], 3, "a", {"\ud800": "a"}, {"a": "\ud800"}]


@pytest.mark.parametrize("metadata", METADATA, ids=repr)
def test_metadata(metadata):
    array = {"a": np.zeros(2)}
    same(lambda st, _: st.serialize({"a": spec(st)}, metadata))
    same(lambda st, _: st.serialize_file({"a": spec(st)}, "out", metadata))
    same(lambda _, numpy: numpy.save(array, metadata))
    same(lambda _, numpy: numpy.save_file(array, "out", metadata))


@pytest.mark.parametrize(
    "path", [3, None, b"x", [], "", "a\0b", "absent/x", "m.safetensors/x", "x" * 300], ids=repr
)
def test_paths_to_save_to(path):
    same(lambda st, _: st.serialize_file({"a": spec(st)}, path))
    same(lambda _, numpy: numpy.save_file({"a": np.zeros(2)}, path))


@pytest.mark.parametrize("data", ["text", 3, None, b""], ids=repr)
def test_content(data):
    same(lambda st, _: st.deserialize(data))
    same(lambda _, numpy: numpy.load(data))


NO_ARRAYS = {
    "objects": {"a": np.array([None])},
    "text": {"a": np.array(["text"])},
    "complex128": {"a": np.zeros(1, complex)},
    "dates": {"a": np.zeros(1, "M8[s]")},
    "voids": {"a": np.zeros(2, "V4")},
    "lists": {"a": [1.0]},
    "None": {"a": None},
    "names that are numbers": {1: np.zeros(2)},
    "no dict": [np.zeros(2)],
    "nothing": None,
}


@pytest.mark.parametrize("name", NO_ARRAYS)
def test_arrays_that_cannot_be_saved(name):
    same(lambda _, numpy: numpy.save(NO_ARRAYS[name]))
    same(lambda _, numpy: numpy.save_file(NO_ARRAYS[name], "out"))


@pytest.mark.parametrize("path", ["absent", "", 3, None, b"x"], ids=repr)
def test_paths_to_load_from(path):
    same(lambda _, numpy: numpy.load_file(path))
    same(lambda _, numpy: numpy.load_file("m.safetensors", backend="x"))


def test_arguments_that_are_missing():
    same(lambda _, numpy: numpy.load_file())
    same(lambda _, numpy: numpy.save())
    same(lambda _, numpy: numpy._getdtype("x"))


def test_what_is_said_more_is_in_notes_and_advice():
    ours = packages.package(packages.OURS)
    pathlib.Path("bad").write_bytes(provoked.HEADERS["length beyond the end"])
    with pytest.raises(ours.SafetensorError) as raised:
        ours.safe_open("bad", "np")
    error = raised.value
    assert type(error) is ours.SafetensorError
    assert error.advice and error.advice == error.__cause__.advice
    assert not hasattr(error, "__notes__") or error.__notes__ == [str(error.__cause__)]
    with pytest.raises(FileNotFoundError) as missing:
        ours.safe_open("absent", "np")
    assert missing.value.filename == "absent" and missing.value.advice
