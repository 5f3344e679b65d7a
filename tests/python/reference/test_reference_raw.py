"""The same assertions on the reference package and on the drop-in: errors, raw functions, numpy."""

from __future__ import annotations

import ctypes
import inspect
import os
import pickle
import struct

import packages
import pytest

np = pytest.importorskip("numpy")

F32_2 = packages.entry("F32", [2], 0, 8)


@pytest.fixture(params=packages.BOTH)
def st(request):
    return packages.package(request.param)


@pytest.fixture(params=packages.BOTH)
def st_numpy(request):
    return packages.package(request.param, "numpy")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


BAD = {
    "empty": (b"", "header too small"),
    "short": (b"abc", "header too small"),
    "lying length": (struct.pack("<Q", 2**62) + b"{}", "header too large"),
    "too large": (struct.pack("<Q", 10**9) + b"{}", "header too large"),
    "a page of a web server": (b"<!DOCTYPE html><html></html>", "header too large"),
    "header longer than the file": (struct.pack("<Q", 100) + b"{}", "invalid header length"),
    "no UTF-8": (packages.file_content(b'{"\xff":1}'), "invalid UTF-8 in header"),
    "half JSON": (packages.file_content(b'{"a":'), "invalid JSON in header"),
    "an array": (packages.file_content(b"[]"), "invalid JSON in header"),
    "a dtype": (
        packages.file_content({"a": packages.entry("Q7", [2], 0, 8)}, b"0" * 8),
        "invalid JSON in header: unknown variant",
    ),
    "a field missing": (
        packages.file_content({"a": {"dtype": "F32", "shape": [2]}}),
        "invalid JSON in header",
    ),
    "a negative extent": (
        packages.file_content({"a": packages.entry("F32", [-2], 0, 8)}, b"0" * 8),
        "invalid JSON in header",
    ),
    "metadata of numbers": (
        packages.file_content({"__metadata__": {"a": 1}}),
        "invalid JSON in header",
    ),
    "shape and size": (
        packages.file_content({"a": packages.entry("F32", [3], 0, 8)}, b"0" * 8),
        "invalid shape, data type, or offset for tensor",
    ),
    "a hole": (
        packages.file_content({"a": packages.entry("F32", [2], 4, 12)}, b"0" * 12),
        "invalid offset for tensor `a`",
    ),
    "end before begin": (
        packages.file_content({"a": packages.entry("F32", [2], 8, 0)}, b"0" * 8),
        "invalid offset for tensor `a`",
    ),
    "overflow": (
        packages.file_content({"a": packages.entry("F32", [2**62, 8], 0, 8)}, b"0" * 8),
        "overflow computing buffer size from shape and/or element type",
    ),
    "half a byte": (
        packages.file_content({"a": packages.entry("F4", [3], 0, 2)}, b"00"),
        "does not end up at a byte boundary",
    ),
    "bytes behind": (
        packages.file_content({"a": F32_2}, b"0" * 12),
        "incomplete metadata, file not fully covered",
    ),
    "bytes missing": (
        packages.file_content({"a": F32_2}, b"0" * 4),
        "incomplete metadata, file not fully covered",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file(st, path, name):
    content, words = BAD[name]
    with open(path, "wb") as file:
        file.write(content)
    for backend in ("mmap", "pread"):
        with pytest.raises(st.SafetensorError) as raised:
            st.safe_open(path, "np", backend=backend)
        assert str(raised.value).startswith("Error while deserializing header: ")
        assert words in str(raised.value)


@pytest.mark.parametrize("name", BAD)
def test_bad_content(st, st_numpy, name):
    content, words = BAD[name]
    with pytest.raises(st.SafetensorError, match="^Error while deserializing: ") as raised:
        st.deserialize(content)
    assert words in str(raised.value)


def test_errors_pickle(st):
    error = pickle.loads(pickle.dumps(st.SafetensorError("words")))
    assert type(error) is st.SafetensorError
    assert error.args == ("words",)
    assert st.SafetensorError.__mro__[1] is Exception


def test_file_that_is_not_there(st, st_numpy, tmp_path):
    missing = str(tmp_path / "absent.safetensors")
    with pytest.raises(FileNotFoundError, match="absent.safetensors"):
        st.safe_open(missing, "np")
    with pytest.raises(FileNotFoundError):
        st_numpy.load_file(missing)
    with pytest.raises(OSError):
        st.safe_open(str(tmp_path), "np")


def test_arguments_of_safe_open(st, path):
    packages.package(packages.OURS, "numpy").save_file({"a": np.zeros(2)}, path)
    for framework in ("NumPy", "PT", "onnx", "pd"):
        with pytest.raises(st.SafetensorError, match=f"framework {framework} is invalid"):
            st.safe_open(path, framework)
    with pytest.raises(TypeError):
        st.safe_open(path)
    with pytest.raises(TypeError):
        st.safe_open(path, None)
    with pytest.raises(TypeError):
        st.safe_open(path, "np", "cpu", "pread")
    for device in ("foo", "meta", "cuda:x", "", -1, 1.5):
        with pytest.raises((st.SafetensorError, ValueError)):
            st.safe_open(path, "np", device=device)
    for device in ("cuda", "cuda:1", "mps", "xpu:0", 0):
        with pytest.raises(st.SafetensorError, match="is not supported for framework numpy"):
            st.safe_open(path, "np", device=device)
    with pytest.raises(st.SafetensorError, match='backend "foo" is invalid'):
        st.safe_open(path, "np", backend="foo")
    with pytest.raises(TypeError):
        st.safe_open(path.encode(), "np")
    with pytest.raises(TypeError):
        st.safe_open(3, "np")
    # What is wrong with the arguments is told before what is wrong with the file.
    with pytest.raises(st.SafetensorError, match="framework zz is invalid"):
        st.safe_open("/none", "zz")
    with pytest.raises(st.SafetensorError, match="device foo is invalid"):
        st.safe_open("/none", "np", device="foo")
    names = list(inspect.signature(st.safe_open).parameters)
    assert names[:4] == ["filename", "framework", "device", "backend"]


@pytest.fixture
def example(path):
    arrays = {
        "b": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "a": np.array(5),
        "empty": np.zeros((0, 3), np.int8),
    }
    packages.package(packages.OURS, "numpy").save_file(arrays, path, {"k": "v", "format": "np"})
    return arrays


def test_safe_open(st, path, example):
    for source in (path, os.path.join(path), __import__("pathlib").Path(path)):
        with st.safe_open(source, framework="np", device="cpu") as file:
            assert file.keys() == ["a", "b", "empty"]
            assert file.offset_keys() == ["a", "b", "empty"]
            assert file.metadata() == {"k": "v", "format": "np"}
            for name, array in example.items():
                got = file.get_tensor(name)
                assert got.dtype == array.dtype and got.shape == array.shape
                assert (got == array).all()
                assert got.flags.writeable
            everything = file.get_tensors()
            assert list(everything) == file.offset_keys()
            assert all((everything[name] == array).all() for name, array in example.items())
            with pytest.raises(st.SafetensorError, match="File does not contain tensor nothing"):
                file.get_tensor("nothing")
            with pytest.raises(st.SafetensorError, match="File does not contain tensor nothing"):
                file.get_slice("nothing")
            with pytest.raises(TypeError):
                pickle.dumps(file)


def test_safe_open_without_with(st, path, example):
    file = st.safe_open(path, "numpy")
    tensor = file.get_tensor("b")
    del file
    assert (tensor == example["b"]).all()


def test_closed(st, path, example):
    with st.safe_open(path, "np") as file:
        tensor = file.get_tensor("b")
        part = file.get_slice("b")
    for call in (file.keys, file.offset_keys, file.metadata, file.get_tensors):
        with pytest.raises(st.SafetensorError, match="File is closed"):
            call()
    with pytest.raises(st.SafetensorError, match="File is closed"):
        file.get_tensor("b")
    assert (tensor == example["b"]).all()
    assert (part[1] == example["b"][1]).all()
    assert part.get_shape() == [2, 3, 4]


def test_handle(st, path, example):
    with open(path, "rb") as f:
        f.seek(3)
        handle = st._safe_open_handle(f, framework="np", device="cpu", backend="pread")
        assert handle.keys() == ["a", "b", "empty"]
        assert (handle.get_tensor("b") == example["b"]).all()
        assert f.tell() == 3
    with pytest.raises(AttributeError):
        st._safe_open_handle(path, "np")


def test_slices(st, path, example):
    array = example["b"]
    with st.safe_open(path, "np") as file:
        part = file.get_slice("b")
        assert part.get_shape() == [2, 3, 4]
        assert part.get_dtype() == "F32"
        for index in (
            slice(None),
            0,
            -1,
            (0, 1),
            (1, 2, 3),
            (slice(None), slice(None, None, 2)),
            ...,
            (..., 0),
            (0, ..., 1),
            (),
            slice(0, 2, 3),
            np.int64(1),
        ):
            got = part[index]
            assert got.shape == array[index].shape
            assert (got == array[index]).all()
        for index in (5, (0, 3), -3, (0, 0, 0, 0), slice(None, None, 0)):
            with pytest.raises(st.SafetensorError):
                part[index]
        whole = file.get_slice("a")
        assert whole.get_shape() == [] and whole.get_dtype() == "I64"
        assert whole[...] == 5
        with pytest.raises(st.SafetensorError):
            whole[0]


def test_a_slice_changes_nothing_else(st, path, example):
    with st.safe_open(path, "np") as file:
        part = file.get_slice("b")[:1]
        part[...] = 7
        assert (file.get_slice("b")[:1] == example["b"][:1]).all()


@pytest.fixture
def memory():
    return (ctypes.c_char * 8)(*b"12345678")


def spec(st, memory, **changes):
    fields = {"dtype": "float32", "shape": [2], "data_ptr": ctypes.addressof(memory), "data_len": 8}
    return st.TensorSpec(**{**fields, **changes})


def test_tensor_spec(st, memory):
    made = spec(st, memory)
    assert (made.dtype, made.shape, made.data_len) == ("F32", [2], 8)
    assert made.data_ptr == ctypes.addressof(memory)
    assert repr(made).startswith("TensorSpec(dtype='F32', shape=[2], data_ptr=")
    assert spec(st, memory, dtype="float4_e2m1fn_x2").shape == [4]
    assert spec(st, memory, dtype="float4_e2m1fn_x2", shape=[]).shape == []
    for dtype in ("F32", "foo", "torch.float32", "complex128"):
        with pytest.raises(st.SafetensorError, match=f'Unknown dtype "{dtype}". Supported dtypes: '):
            spec(st, memory, dtype=dtype)
    with pytest.raises(TypeError):
        st.TensorSpec("float32", [2], 0, 8)
    with pytest.raises(OverflowError):
        spec(st, memory, shape=[-1])
    with pytest.raises(AttributeError):
        made.dtype = "F16"
    assert made != spec(st, memory)


def test_serialize(st, memory, path):
    tensors = {"a": spec(st, memory)}
    plain = packages.file_content(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ', b"12345678"
    )
    assert st.serialize(tensors) == plain
    assert st.serialize(tensors, None) == plain
    assert st.serialize(tensors, metadata={"k": "v"})[8:].startswith(b'{"__metadata__":{"k":"v"},"a":')
    assert st.serialize(tensors, {})[8:].startswith(b'{"__metadata__":{},"a":')
    assert st.serialize({})[8:].rstrip() == b"{}"
    assert st.serialize_file(tensors, path) is None
    with open(path, "rb") as file:
        assert file.read() == plain
    assert st.serialize({"a": spec(st, memory, shape=[0], data_ptr=0, data_len=0)})
    with pytest.raises(st.SafetensorError, match="Error while serializing: invalid shape"):
        st.serialize({"a": spec(st, memory, shape=[3])})
    for wrong in ([tensors["a"]], {"a": {"dtype": "F32"}}, {1: tensors["a"]}):
        with pytest.raises(TypeError, match="argument 'tensor_dict'"):
            st.serialize(wrong)
    with pytest.raises(TypeError, match="argument 'metadata'"):
        st.serialize(tensors, {"k": 1})
    with pytest.raises(UnicodeEncodeError):
        st.serialize({"\ud800": tensors["a"]})
    with pytest.raises(st.SafetensorError, match="Error while serializing: I/O error: "):
        st.serialize_file(tensors, path + "/nowhere/file")


def test_deserialize(st, memory):
    content = st.serialize({"a": spec(st, memory), "b": spec(st, memory, dtype="bfloat16", shape=[4])})
    found = dict(st.deserialize(content))
    assert found == {
        "a": {"dtype": "F32", "shape": [2], "data": bytearray(b"12345678")},
        "b": {"dtype": "BF16", "shape": [4], "data": bytearray(b"12345678")},
    }
    assert type(found["a"]["data"]) is bytearray
    with pytest.raises(TypeError):
        st.deserialize("text")


# numpy

ARRAYS = {
    "f64": np.linspace(0, 1, 6).reshape(2, 3),
    "f32": np.arange(6, dtype=np.float32),
    "f16": np.arange(3, dtype=np.float16),
    "i64": np.array(-(2**40)),
    "i32": np.arange(-3, 3, dtype=np.int32),
    "i16": np.arange(-3, 3, dtype=np.int16),
    "i8": np.arange(-3, 3, dtype=np.int8),
    "u64": np.array([2**63], np.uint64),
    "u32": np.array([2**31], np.uint32),
    "u16": np.array([2**15], np.uint16),
    "u8": np.zeros((3, 0, 2), np.uint8),
    "bool": np.array([[True], [False]]),
    "c64": np.array([1 + 2j], np.complex64),
}


def same(left, right):
    assert set(left) == set(right)
    for name, array in left.items():
        assert array.dtype == right[name].dtype, name
        assert array.shape == right[name].shape, name
        assert array.tobytes() == right[name].tobytes(), name


def test_numpy_round_trip(st_numpy, path):
    content = st_numpy.save(ARRAYS)
    assert type(content) is bytes
    same(st_numpy.load(content), ARRAYS)
    assert st_numpy.save_file(ARRAYS, path) is None
    with open(path, "rb") as file:
        assert file.read() == content
    for backend in ("mmap", "pread"):
        loaded = st_numpy.load_file(path, backend=backend)
        same(loaded, ARRAYS)
        assert all(array.flags.writeable for array in loaded.values())
        with packages.package(st_numpy.__name__.removesuffix(".numpy")).safe_open(path, "np") as f:
            assert list(loaded) == f.offset_keys()


def test_numpy_functions_pickle(st_numpy):
    for name in ("load", "load_file", "save", "save_file"):
        function = getattr(st_numpy, name)
        assert pickle.loads(pickle.dumps(function)) == function
        assert function.__module__ == st_numpy.__name__ and function.__name__ == name


def test_numpy_both_ways(path):
    ours = packages.package(packages.OURS, "numpy")
    reference = packages.package(packages.REFERENCE, "numpy")
    assert ours.save(ARRAYS) == reference.save(ARRAYS)
    assert ours.save(ARRAYS, {"one": "key"}) == reference.save(ARRAYS, {"one": "key"})
    same(ours.load(reference.save(ARRAYS)), ARRAYS)
    same(reference.load(ours.save(ARRAYS)), ARRAYS)


def test_numpy_byte_order_and_sharing(st_numpy):
    array = np.arange(6.0)
    other = array.astype(">f8")
    same(st_numpy.load(st_numpy.save({"a": other})), {"a": array})
    assert other.dtype == np.dtype(">f8") and (other == array).all()
    assert len(st_numpy.load(st_numpy.save({"a": array, "b": array}))) == 2


def test_numpy_refuses(st_numpy):
    error = packages.package(st_numpy.__name__.removesuffix(".numpy")).SafetensorError
    for array in (np.array([None]), np.array(["text"]), np.zeros(1, complex), np.zeros(1, "M8[s]")):
        with pytest.raises(error, match="Unknown dtype "):
            st_numpy.save({"a": array})
    with pytest.raises(TypeError):
        st_numpy.load("text")
    with pytest.raises(TypeError):
        st_numpy.save({"a": np.zeros(1)}, {"k": 1})


def test_numpy_writes_stay_private(st_numpy, path):
    st_numpy.save_file({"a": np.arange(6.0)}, path)
    with open(path, "rb") as file:
        before = file.read()
    loaded = st_numpy.load_file(path)
    loaded["a"][:] = 7
    with open(path, "rb") as file:
        assert file.read() == before


@pytest.mark.parametrize("submodule", ["numpy"])
def test_signatures(submodule):
    ours = packages.package(packages.OURS, submodule)
    reference = packages.package(packages.REFERENCE, submodule)
    for name in ("load", "load_file", "save", "save_file"):
        theirs = inspect.signature(getattr(reference, name)).parameters
        have = inspect.signature(getattr(ours, name)).parameters
        for parameter in theirs.values():
            assert have[parameter.name].kind == parameter.kind, (name, parameter)
            assert have[parameter.name].default == parameter.default, (name, parameter)


def test_the_extension_module_has_its_names(st):
    rust = packages.package(st.__name__, "_safetensors_rust")
    assert {name for name in rust.__all__ if not name.startswith("__")} <= set(dir(rust))
    assert set(rust.__all__) >= {"SafetensorError", "TensorSpec", "safe_open", "_safe_open_handle",
                                 "deserialize", "serialize", "serialize_file"}
    for name in rust.__all__:
        assert getattr(rust, name) is getattr(st, name), name


def test_a_missing_file(st, st_numpy):
    for call in (lambda: st.safe_open("absent/nope", "np"), lambda: st_numpy.load_file("absent/nope")):
        with pytest.raises(FileNotFoundError, match="^No such file or directory: absent/nope"):
            call()


def test_the_index_of_a_model_in_several_files(st, tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"metadata": {"total_size": 4}, "weight_map": {"a": "model-1.safetensors"}}')
    with pytest.raises(st.SafetensorError, match="^Error while deserializing header: header too large"):
        st.safe_open(str(index), "np")


@pytest.mark.parametrize("index", ["a", 1.0, (0, "a")], ids=str)
def test_numpy_slices_by_what_is_no_index(st, st_numpy, path, index):
    st_numpy.save_file({"a": np.zeros((2, 3))}, path)
    with st.safe_open(path, "np") as file:
        with pytest.raises(st.SafetensorError, match="^Unsupported slice index"):
            file.get_slice("a")[index]
