"""What save, Writer and overwrite take besides NumPy's arrays; files and streams for paths and bytes."""

import array
import bz2
import gzip
import io
import json
import mmap
import struct
import tempfile
import zipfile

import ml_dtypes
import numpy as np
import pytest

import tensorhold
import tensorhold as th
import tensorhold.numpy

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="no torch")


def written(path, name, dtype, shape, value):
    """What save, serialize, Writer and overwrite make of a value."""
    th.save(path, {name: value})
    yield bytes(th.open(path)[name]), th.open(path).info(name)[1:3]
    file = th.open(th.serialize({name: value}))
    yield bytes(file[name]), file.info(name)[1:3]
    with th.Writer(path, {name: (dtype, shape)}) as writer:
        writer.write(name, value)
    yield bytes(th.open(path)[name]), (dtype, shape)
    size = len(bytes(th.open(path)[name]))
    with th.Writer(path, {name: (dtype, shape)}) as writer:
        writer.write_at(name, 0, value)
    yield bytes(th.open(path)[name]), (dtype, shape)
    th.save(path, {name: (dtype, shape, bytes(size))})
    th.overwrite(path, name, value)
    yield bytes(th.open(path)[name]), (dtype, shape)


@pytest.mark.parametrize("dtype, name", [
    (">f2", "F16"), (">f4", "F32"), (">f8", "F64"), (">i2", "I16"), (">u2", "U16"), (">i4", "I32"),
    (">u4", "U32"), (">i8", "I64"), (">u8", "U64"), (">c8", "C64"),
])
def test_arrays_in_the_other_byte_order(tmp_path, dtype, name):
    values = np.arange(1, 13).reshape(3, 4).astype(dtype)
    for given in (values, values.T, values[::-1, ::2], values[0], np.array(7, dtype), values[:0]):
        right = np.ascontiguousarray(given, given.dtype.newbyteorder("=")).reshape(given.shape)
        for content, (found, shape) in written(tmp_path / "x", "a", name, given.shape, given):
            assert (content, found, tuple(shape)) == (right.tobytes(), name, given.shape)
    with th.open(th.serialize({"a": values})) as file:
        with pytest.raises(TypeError, match='tensor "a": .*other byte order'):
            file.copy_to({"a": values})


@pytest.mark.parametrize("name, dtype", [("bfloat16", "BF16"), ("float8_e4m3fn", "F8_E4M3")])
def test_arrays_of_ml_dtypes_in_any_byte_order(tmp_path, name, dtype):
    values = np.arange(6).reshape(2, 3).astype(getattr(ml_dtypes, name))
    swapped = values.astype(values.dtype.newbyteorder(">"))
    for given in (values, values.T, swapped):
        right = np.ascontiguousarray(given.astype(values.dtype)).tobytes()
        for content, (found, shape) in written(tmp_path / "x", "a", dtype, given.shape, given):
            assert (content, found, tuple(shape)) == (right, dtype, given.shape)


@needs_torch
@pytest.mark.parametrize("name, dtype", [
    ("bfloat16", "BF16"), ("float16", "F16"), ("float32", "F32"), ("float8_e4m3fn", "F8_E4M3"),
    ("float8_e5m2", "F8_E5M2"), ("uint8", "U8"), ("bool", "BOOL"), ("int64", "I64"), ("complex64", "C64"),
])
def test_tensors_of_torch(tmp_path, name, dtype):
    values = torch.arange(6).reshape(2, 3).to(getattr(torch, name))
    for given in (values, values.t(), values[:, 1], values[1, 1], torch.nn.Parameter(
            values, requires_grad=values.is_floating_point()), values[:0]):
        right = given.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        for content, (found, shape) in written(tmp_path / "x", "a", dtype, tuple(given.shape), given):
            assert (content, found, tuple(shape)) == (right, dtype, tuple(given.shape))


@needs_torch
def test_a_tensor_of_torch_of_another_dtype_or_shape_is_refused(tmp_path):
    path = tmp_path / "x"
    with th.Writer(path, {"a": ("BF16", (2, 3))}) as writer:
        for wrong, code in ((torch.ones(2, 3), "dtype_mismatch"),
                            (torch.ones(3, 2, dtype=torch.bfloat16), "invalid_argument"),
                            (torch.ones(2, dtype=torch.bfloat16), "size_differs")):
            with pytest.raises(ValueError, match='tensor "a": ') as caught:
                writer.write("a", wrong)
            assert caught.value.code == code
        writer.write("a", torch.ones(6, dtype=torch.bfloat16))
    assert th.open(path)["a"].tolist() == [[1, 1, 1], [1, 1, 1]]
    if hasattr(torch, "float4_e2m1fn_x2"):
        pairs = torch.arange(4, dtype=torch.uint8).reshape(2, 2).view(torch.float4_e2m1fn_x2)
        file = th.open(th.serialize({"a": pairs}))
        assert file.info("a")[1:3] == ("F4", (2, 4)) and bytes(file["a"]) == bytes(range(4))


def test_what_only_has_dlpack_is_taken():
    class Other:
        def __init__(self, values):
            self.values = values

        def __dlpack__(self, **options):
            return self.values.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.values.__dlpack_device__()

    values = np.arange(6.0).reshape(2, 3)
    assert th.open(th.serialize({"a": Other(values)}))["a"].tolist() == values.tolist()


def test_nested_dicts_are_told_how_to_be_flat():
    nested = {"layer": {"weight": np.zeros(2)}}
    for save in (th.serialize, tensorhold.numpy.save):
        with pytest.raises(TypeError, match=r'layer\b.*[Ff]latten.*outer.*inner'):
            save(nested)
    if torch is not None:
        with pytest.raises(ValueError, match=r"`layer`.*[Ff]latten.*outer.*inner"):
            tensorhold.torch.save(nested)


@pytest.mark.parametrize("metadata, why", [
    ({"good": "x", "epoch": 3}, r'metadata\["epoch"\] is an object of int, 3'),
    ({"epoch": None}, r'metadata\["epoch"\] is an object of NoneType'),
    ({"config": {"a": 1}}, r'metadata\["config"\].*json.dumps'),
    ({7: "x"}, "One of its keys is an object of int, 7"),
])
def test_metadata_that_is_no_text_is_named(metadata, why):
    for save in (th.serialize, tensorhold.numpy.save):
        with pytest.raises(TypeError, match=why):
            save({"a": np.zeros(2)}, metadata)


# --- files and streams

CONTENT = th.serialize({"a": np.arange(3.0)}, {"k": "v"})


@pytest.fixture
def path(tmp_path):
    (tmp_path / "m").write_bytes(CONTENT)
    return tmp_path / "m"


class Slow(io.RawIOBase):
    """A stream that only reads."""

    def __init__(self):
        self.left = CONTENT

    def readable(self):
        return True

    def readinto(self, place):
        count = min(7, len(place), len(self.left))
        place[:count], self.left = self.left[:count], self.left[count:]
        return count


def temporary():
    file = tempfile.NamedTemporaryFile()
    file.write(CONTENT)  # still in Python's buffer
    return file


def zipped(path):
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.writestr("inner", CONTENT)
    return zipfile.ZipFile(path.with_suffix(".zip")).open("inner")


def compressed(path, module):
    with module.open(path.with_suffix(".z"), "wb") as file:
        file.write(CONTENT)
    return module.open(path.with_suffix(".z"), "rb")


def spooled():
    file = tempfile.SpooledTemporaryFile()
    file.write(CONTENT)
    file.seek(0)
    return file


def mapped(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


SOURCES = {
    "file": lambda path: open(path, "rb"),
    "unbuffered": lambda path: open(path, "rb", 0),
    "text file": lambda path: open(path),
    "BytesIO": lambda path: io.BytesIO(CONTENT),
    "Slow": lambda path: Slow(),
    "temporary": lambda path: temporary(),
    "spooled": lambda path: spooled(),
    "zipfile": zipped,
    "gzip": lambda path: compressed(path, gzip),
    "bz2": lambda path: compressed(path, bz2),
    "memoryview": lambda path: memoryview(CONTENT),
    "strides": lambda path: memoryview(bytes(2 * len(CONTENT)))[::2],
    "array": lambda path: array.array("B", CONTENT),
    "mmap": lambda path: mapped(path),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_opened_and_loaded(path, kind):
    def source():
        made = SOURCES[kind](path)
        if kind == "strides":
            room = bytearray(2 * len(CONTENT))
            room[::2] = CONTENT
            made = memoryview(room)[::2]
        return made

    buffers = ("memoryview", "array", "mmap", "strides")
    ways = [tensorhold.numpy.load, th.open] if kind != "strides" else [tensorhold.numpy.load]
    if kind not in buffers:
        ways.append(tensorhold.numpy.load_file)
    if torch is not None:
        ways += [tensorhold.torch.load] + ([] if kind in buffers else [tensorhold.torch.load_file])
    for way in ways:
        given = source()
        assert way(given)["a"].tolist() == [0, 1, 2]
        if kind == "BytesIO":
            given.write(b"x")  # it is not held, and may change
            given.close()
        elif kind == "file":
            assert given.read() == CONTENT  # it is the caller's, and where it was
        if kind not in (*buffers, "BytesIO"):
            given.close()


def test_a_file_object_stays_open_and_tensors_outlive_it(path):
    with open(path, "rb") as stream:
        file = th.open(stream)
    assert file["a"].tolist() == [0, 1, 2] and file.metadata == {"k": "v"}


@pytest.mark.parametrize("wrong", [None, 1.5, object(), [CONTENT], True], ids=repr)
def test_what_is_no_source_is_told_what_is(wrong):
    with pytest.raises(TypeError, match="path, a file descriptor, or bytes.*file object"):
        th.open(wrong)
    with pytest.raises(TypeError):
        tensorhold.numpy.load(wrong)


def test_text_streams_are_refused():
    with pytest.raises(TypeError, match="binary mode"):
        th.open(io.StringIO("x"))


def test_a_save_to_a_stream(path):
    value = {"a": np.arange(3.0)}
    for save in (th.save, lambda file, tensors, notes: tensorhold.numpy.save_file(tensors, file, notes)):
        stream = io.BytesIO()
        save(stream, value, {"k": "v"})
        assert stream.getvalue() == CONTENT
        with open(path, "wb", 0) as file:
            save(file, value, {"k": "v"})
        assert path.read_bytes() == CONTENT
    if torch is not None:
        stream = io.BytesIO()
        tensorhold.torch.save_file({"a": torch.arange(3.0)}, stream)
        assert tensorhold.torch.load(stream)["a"].tolist() == [0, 1, 2]


def test_a_stream_that_takes_little_at_a_time_gets_all():
    class Small(io.RawIOBase):
        taken = b""

        def write(self, data):
            self.taken += bytes(data[:5])
            return len(bytes(data[:5]))

    stream = Small()
    th.save(stream, {"a": np.arange(3.0)}, {"k": "v"})
    assert stream.taken == CONTENT


def test_adapters_are_attributes():
    import subprocess
    import sys

    code = """
import sys, tensorhold
assert "numpy" not in sys.modules
assert tensorhold.numpy.load(tensorhold.serialize({"a": b"x"}))["a"].tolist() == [120]
assert tensorhold.safetensors.__version__ == "0.8.0"
for name in ("nothing", "__path_", "jax"):
    assert not hasattr(tensorhold, name)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- what lenient reads


def file_with(metadata, tail=b""):
    text = json.dumps({"__metadata__": metadata}).encode() + tail
    return struct.pack("<Q", len(text)) + text


def test_lenient_reads_metadata_that_is_not_text():
    values = {"n": 3, "b": True, "z": None, "f": 1.5, "l": [1, {"a": "}"}], "d": {"k": ["é"]}, "s": "text"}
    content = file_with(values)
    with pytest.raises(ValueError, match='"n" in __metadata__.*lenient=True') as caught:
        th.open(content)
    assert caught.value.code == "invalid_metadata" and "lenient=True" in caught.value.advice
    found = th.open(content, lenient=True).metadata
    assert found.pop("s") == "text"
    assert {key: json.loads(value) for key, value in found.items()} == {
        key: value for key, value in values.items() if key != "s"}


@pytest.mark.parametrize("count", [1, 5])
def test_a_header_padded_with_nul_is_named_so(count):
    with pytest.raises(ValueError, match=f"padded with {count} NUL bytes; the format pads with spaces"):
        th.open(file_with({"a": "b"}, bytes(count)))
    with pytest.raises(ValueError, match=f"padded with {count} NUL"):
        th.open(file_with({"a": "b"}, b"  " + bytes(count)))


def test_advice_is_in_the_words_of_python(tmp_path):
    with pytest.raises(ValueError, match="lenient=True") as caught:
        th.open(CONTENT + b"more")
    assert caught.value.advice in str(caught.value) and "option" not in caught.value.advice
    with pytest.raises(ValueError, match="larger header_limit="):
        th.open(CONTENT, header_limit=10)


@pytest.mark.parametrize("names, asked, first", [
    (["c", "e", "t", "x", "z"], "X", "x"),
    (["k.weight", "q.weight", "v.weight"], "Q.weight", "q.weight"),
    (["a.weight", "lm_head.weight", "model.norm.weight"], "lm_head", "lm_head.weight"),
    (["lm_head.weight", "Model.Embed.weight"], "model.embed", "Model.Embed.weight"),
    (["a.weight", "b.weight"], "a.weight.data", "a.weight"),
    (["layers/0/kernel", "other"], "layers/0", "layers/0/kernel"),
    (["embed.weight", "w.bias"], "WEIGHT", "embed.weight"),
    (["model.norm.weight"], "model.nrom.weight", "model.norm.weight"),
])
def test_did_you_mean(names, asked, first):
    with pytest.raises(KeyError) as caught:
        th.open(th.serialize(dict.fromkeys(names, b"a")))[asked]
    assert caught.value.advice.startswith(f'Did you mean "{first}"')


def test_no_part_of_a_word_is_meant():
    with pytest.raises(KeyError) as caught:
        th.open(th.serialize({"lm_header.weight.of.it": b"a"}))["lm_head"]
    assert "Did you mean" not in caught.value.advice
