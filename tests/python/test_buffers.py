"""The buffer protocol, NumPy and DLPack."""

import array
import ctypes
import gc
import hashlib
import io
import struct
import subprocess
import sys

import numpy as np
import pytest

import tensorhold as th

FORMATS = {"BOOL": "?", "U8": "B", "I8": "b", "I16": "h", "U16": "H", "F16": "e", "I32": "i",
           "U32": "I", "F32": "f", "F64": "d", "I64": "q", "U64": "Q", "C64": "Zf"}
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1,
         "F8_E5M2FNUZ": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4,
         "F64": 8, "I64": 8, "U64": 8, "C64": 8}
EXTENDED = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
            "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz",
            "F8_E5M2FNUZ": "float8_e5m2fnuz"}


@pytest.fixture
def every(saved):
    """A file with a 2 by 3 tensor of each dtype of whole bytes."""
    return th.open(saved({name: (name, (2, 3), bytes(range(6 * size)))
                          for name, size in SIZES.items()}), access="mapped")


@pytest.mark.parametrize("dtype", FORMATS)
def test_memoryview_has_format_and_shape(every, dtype):
    view = memoryview(every[dtype])
    assert (view.format, view.shape, view.itemsize) == (FORMATS[dtype], (2, 3), SIZES[dtype])
    assert view.readonly and view.c_contiguous and view.nbytes == 6 * SIZES[dtype]
    assert not memoryview(every.writable(dtype)).readonly


@pytest.mark.parametrize("dtype", EXTENDED)
def test_a_dtype_without_a_format_gives_bytes_to_those_who_ask_for_no_format(every, dtype):
    with pytest.raises(BufferError, match="Tensor.raw"):
        memoryview(every[dtype])
    written = io.BytesIO()
    written.write(every[dtype])
    assert written.getvalue() == bytes(range(6 * SIZES[dtype]))
    assert hashlib.md5(every[dtype]).digest() == hashlib.md5(written.getvalue()).digest()
    assert every[dtype].raw.tolist() == list(range(6 * SIZES[dtype]))


@pytest.mark.parametrize("dtype", SIZES)
def test_numpy_without_a_copy(every, dtype):
    tensor = every[dtype]
    for made in (np.asarray(tensor), tensor.__array__()):
        expected = np.dtype(np.bool_) if dtype == "BOOL" else made.dtype
        assert made.dtype == expected and made.dtype.name == numpy_name(dtype)
        assert made.shape == (2, 3) and made.tobytes() == bytes(tensor)
        assert not made.flags.writeable and not made.flags.owndata
        assert made.__array_interface__["data"][0] == address(tensor)
    assert np.asarray(every.writable(dtype)).flags.writeable


def numpy_name(dtype):
    if dtype in EXTENDED:
        return EXTENDED[dtype]
    if dtype == "BOOL":
        return "bool"
    kind = {"U": "uint", "I": "int", "F": "float", "C": "complex"}[dtype[0]]
    return f"{kind}{8 * SIZES[dtype]}"


def address(tensor):
    return np.frombuffer(tensor.raw, np.uint8).__array_interface__["data"][0]


def test_array_converts_and_copies_when_asked(every):
    tensor = every["I16"]
    assert tensor.__array__(np.float64).dtype == np.float64
    assert tensor.__array__(copy=True).flags.owndata
    assert tensor.__array__(dtype="int16", copy=False).tolist() == tensor.tolist()
    with pytest.raises(ValueError, match="copy=False"):
        tensor.__array__(np.float64, copy=False)
    assert np.array(every["BF16"], dtype=np.float32).tolist() == every["BF16"].tolist()


def test_arrays_keep_the_bytes_and_empty_ones_work(saved):
    path = saved({"a": ("F32", (3,), array.array("f", [1, 2, 3])), "e": ("BF16", (0, 4), b""),
                  "f": ("F32", (2, 0), b""), "s": ("F16", (), struct.pack("<e", 3))})
    with th.open(path) as file:
        made = np.asarray(file["a"])
        assert np.asarray(file["e"]).shape == (0, 4) and np.asarray(file["f"]).shape == (2, 0)
        assert np.from_dlpack(file["f"]).shape == (2, 0)
        assert np.asarray(file["s"]) == 3 and np.from_dlpack(file["s"]) == 3
    del file
    gc.collect()
    assert made.tolist() == [1, 2, 3]
    th.release(path)
    assert made.tolist() == [1, 2, 3]


def test_packed_dtypes_say_what_to_do():
    tensor = th.open(th.serialize({"t": ("F4", (2,), b"\x21")}))["t"]
    with pytest.raises(TypeError, match="packed bytes of Tensor.raw"):
        tensor.__array__()
    with pytest.raises(BufferError, match="Tensor.raw"):
        tensor.__dlpack__()


def test_numpy_without_ml_dtypes_says_what_to_install():
    code = """
import sys
sys.modules["ml_dtypes"] = None
import tensorhold
tensor = tensorhold.open(tensorhold.serialize({"t": ("BF16", (1,), b"ab")}))["t"]
try:
    tensor.__array__()
except TypeError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install ml_dtypes" in said.stdout


# DLPack, by the words of its specification.
class DlArray(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class DlVersioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32),
                ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p),
                ("flags", ctypes.c_uint64), ("array", DlArray)]


def opened(capsule, name, kind):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, name), ctypes.POINTER(kind)).contents


CODES = {"BOOL": 6, "BF16": 4, "C64": 5, "F8_E4M3": 10, "F8_E4M3FNUZ": 11, "F8_E5M2": 12,
         "F8_E5M2FNUZ": 13, "F8_E8M0": 14}


@pytest.mark.parametrize("dtype", SIZES)
def test_dlpack_versioned_and_plain(every, dtype):
    tensor = every[dtype]
    assert tensor.__dlpack_device__() == (1, 0)
    capsule = None
    for arguments, name, kind in [
        ({}, b"dltensor", DlArray),
        ({"max_version": (0, 8)}, b"dltensor", DlArray),
        ({"max_version": (1, 0)}, b"dltensor_versioned", DlVersioned),
        ({"max_version": (9, 0)}, b"dltensor_versioned", DlVersioned),
    ]:
        del capsule  # the one before, whose pages nobody else may have
        capsule = tensor.__dlpack__(**arguments)
        found = opened(capsule, name, kind)
        if kind is DlVersioned:
            assert found.major == 1 and found.flags == 0
            found = found.array
        assert (found.device_type, found.device_id, found.byte_offset) == (1, 0, 0)
        assert (found.bits, found.lanes) == (8 * SIZES[dtype], 1)
        assert found.code == CODES.get(dtype, {"I": 0, "U": 1, "F": 2, "C": 5, "B": 6}[dtype[0]])
        assert found.shape[: found.ndim] == [2, 3] and found.strides[: found.ndim] == [3, 1]
        assert ctypes.string_at(found.data, tensor.nbytes) == bytes(tensor)
        # Not the read-only pages, and written without harm to them.
        assert found.data != address(tensor)
        ctypes.memset(found.data, 0xEE, 1)
        assert bytes(tensor)[0] == 0
        ctypes.memset(found.data, 0, 1)


def test_dlpack_of_private_pages_is_no_copy_and_of_a_closed_file_is_one(saved):
    path = saved({"a": ("F32", (2,), array.array("f", [1, 2]))})
    with th.open(path, access="mapped") as file:
        tensor, view = file["a"], file.writable("a")
        place = address(view)
        assert np.from_dlpack(view).__array_interface__["data"][0] == place
        # Who imports a read-only tensor does not get the pages that somebody may write.
        assert np.from_dlpack(tensor).__array_interface__["data"][0] != place
        with pytest.raises(BufferError, match="only a copy"):
            np.from_dlpack(tensor, copy=False)
        del view
        made = np.from_dlpack(tensor, copy=False)
        assert made.__array_interface__["data"][0] == place
        assert np.from_dlpack(tensor).__array_interface__["data"][0] != place
        assert address(file.writable("a")) != place
        del made
        assert np.from_dlpack(tensor, copy=True).__array_interface__["data"][0] != place
        assert address(file.writable("a")) == place
    late = np.from_dlpack(tensor)
    assert late.tolist() == [1, 2]
    late[0] = 5
    assert tensor.tolist() == [1, 2]
    found = opened(tensor.__dlpack__(max_version=(1, 0)), b"dltensor_versioned", DlVersioned)
    assert found.flags == 2  # copied
    with pytest.raises(BufferError, match="only a copy"):
        tensor.__dlpack__(copy=False)


def test_dlpack_refuses_what_the_cpu_has_not(every):
    tensor = every["F32"]
    with pytest.raises(BufferError):
        tensor.__dlpack__(stream=1)
    with pytest.raises(BufferError):
        tensor.__dlpack__(dl_device=(2, 0))
    tensor.__dlpack__(dl_device=(1, 0))


def test_dlpack_of_what_the_file_did_not_align(saved):
    path = saved({"b": ("F32", (2,), array.array("f", [1, 2]))})
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"x" + struct.pack("<2f", 1, 2))
    with th.open(path, access="mapped") as file:
        assert address(file["b"]) % 4 != 0
        made = np.from_dlpack(file["b"])
        assert made.flags.aligned and made.tolist() == [1, 2]


@pytest.mark.parametrize("access", ["mapped", "owned"])
def test_dlpack_without_a_version_begins_at_a_multiple_of_64(saved, access):
    """Behind whatever lies before it in the file, as few consumers of that kind can be told."""
    values = np.arange(5, dtype="f4")
    path = saved({f"{size}": ("U8", (size,), bytes(size)) for size in (3, 8, 32, 64, 100)}
                 | {f"x{size}": values for size in range(4)}, align=8)
    with th.open(path, access=access) as file:
        for name in file:
            for tensor in (file[name], file.writable(name), file[name].copy(), file[name][1:]):
                capsule = tensor.__dlpack__()
                found = opened(capsule, b"dltensor", DlArray)
                assert found.data % 64 == 0
                assert ctypes.string_at(found.data, tensor.nbytes) == bytes(tensor)


def test_an_export_outlives_everything(saved):
    path = saved({"a": ("I64", (1000,), array.array("q", range(1000)))})
    made = np.from_dlpack(th.open(path, access="mapped")["a"])
    gc.collect()
    path.unlink()
    assert made.tolist() == list(range(1000))
    capsule = th.open(th.serialize({"a": ("U8", (1,), b"x")}))["a"].__dlpack__()
    del capsule  # never consumed
