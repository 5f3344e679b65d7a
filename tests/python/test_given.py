"""What callers give for a tensor's bytes: its dtype and shape count, wherever they are known."""

import array
import ctypes
import threading
import time

import ml_dtypes
import numpy as np
import pytest

import tensorhold as th

CONTENT = {"a": ("F32", (2, 3), bytes(range(24))), "b": ("BF16", (2,), b"abcd"), "u": b"abc"}
NEW = np.arange(6, dtype="f4").reshape(2, 3)


def overwrite(path, name, data):
    th.overwrite(path, name, data)
    return bytes(th.open(path)[name])


def write(path, name, data):
    other = path.with_suffix(".written")
    rest = {key: value for key, value in CONTENT.items() if key != name}
    layout = {key: (value.dtype, value.shape) for key, value in th.open(path).items()}
    with th.Writer(other, layout) as writer:
        writer.write(name, data)
        for key in rest:
            writer.write(key, bytes(th.open(path)[key]))
    return bytes(th.open(other)[name])


@pytest.fixture(params=[overwrite, write], ids=lambda call: call.__name__)
def written(request, saved):
    """A function of a name and data that gives what the file has then."""
    path = saved(CONTENT)
    return lambda name, data: request.param(path, name, data)


def tensor(dtype, shape, content=None):
    size = {"F32": 4, "I64": 8, "I32": 4, "BF16": 2, "U8": 1}[dtype] * int(np.prod(shape))
    return th.open(th.serialize({"t": (dtype, shape, content or bytes(range(size)))}))["t"]


RAW = bytes(range(24, 48))


@pytest.mark.parametrize("name, data, expected", [
    ("a", NEW, NEW.tobytes()),
    ("a", np.asfortranarray(NEW), NEW.tobytes()),
    ("a", np.repeat(NEW, 2, axis=1)[::-1, ::2], NEW[::-1].tobytes()),
    ("a", NEW.ravel(), NEW.tobytes()),
    ("a", array.array("f", range(6)), NEW.tobytes()),
    ("a", tensor("F32", (2, 3), RAW), RAW),
    ("a", tensor("F32", (2, 3), RAW).raw, RAW),
    ("a", RAW, RAW),
    ("a", bytearray(RAW), RAW),
    ("a", memoryview(RAW), RAW),
    ("a", np.frombuffer(RAW, "u1"), RAW),
    ("a", np.frombuffer(RAW + RAW, "u1")[::2], (RAW + RAW)[::2]),
    ("a", (ctypes.c_ubyte * 24)(*RAW), RAW),
    ("b", np.array([1, -2], ml_dtypes.bfloat16), b"\x80\x3f\x00\xc0"),
    ("b", tensor("BF16", (2,), b"dcba"), b"dcba"),
    ("u", np.array([1, 2, 3], "u1"), b"\1\2\3"),
], ids=lambda value: str(type(value)))
def test_what_is_the_tensor(written, name, data, expected):
    assert written(name, data) == expected


WRONG = [
    (np.zeros(3), "dtype_mismatch", r"F64 \(3,\), the tensor is F32 \(2, 3\)"),
    (np.zeros((2, 3), "i4"), "dtype_mismatch", r"I32 \(2, 3\), the tensor is F32 \(2, 3\)"),
    (np.zeros((2, 12), "u1"), "dtype_mismatch", r"U8 \(2, 12\)"),
    (np.zeros(12, ml_dtypes.bfloat16), "dtype_mismatch", r"BF16 \(12,\)"),
    (NEW.T, "invalid_argument", r"F32 \(3, 2\), the tensor is F32 \(2, 3\)"),
    (NEW[:1], "size_differs", r"F32 \(1, 3\)"),
    (tensor("I64", (3,)), "dtype_mismatch", r"I64 \(3,\)"),
    (tensor("F32", (3, 2)), "invalid_argument", r"F32 \(3, 2\)"),
    (tensor("U8", (24,)), "dtype_mismatch", r"U8 \(24,\)"),
    (RAW[1:], "size_differs", "24"),
]


@pytest.mark.parametrize("data, code, why", WRONG, ids=lambda value: str(type(value)))
def test_what_is_another_tensor_is_refused(written, data, code, why):
    with pytest.raises(ValueError, match=why) as caught:
        written("a", data)
    assert caught.value.code == code and 'tensor "a": ' in str(caught.value)


@pytest.mark.parametrize("data, why", [
    (np.zeros(3, "M8[s]"), "cannot include dtype"),
    ([1.0] * 6, "buffer protocol"),
], ids=["time", "list"])
def test_what_is_no_tensor_is_refused(written, data, why):
    with pytest.raises(TypeError, match=f'^tensor "a": .*{why}'):
        written("a", data)


def test_an_overwrite_that_is_refused_changes_nothing(saved):
    path = saved(CONTENT)
    before = path.read_bytes()
    with th.open(path, access="mapped") as file:
        kept = file["a"]
        with pytest.raises(ValueError):
            th.overwrite(path, "a", np.zeros(3))
        assert kept.mapped and not file.closed
    assert path.read_bytes() == before


def test_parts_are_of_the_tensors_dtype(tmp_path):
    path = tmp_path / "x"
    with th.Writer(path, {"a": ("F32", (2, 3))}) as writer:
        for wrong in (np.zeros(1), tensor("I64", (1,)), np.zeros((1, 4), "u1")):
            with pytest.raises(ValueError, match='tensor "a": ') as caught:
                writer.write_at("a", 0, wrong)
            assert caught.value.code == "dtype_mismatch"
        writer.write_at("a", 0, NEW[:, 0])
        writer.write_at("a", 8, NEW[:, 1:].tobytes())
    assert np.asarray(th.open(path)["a"]).ravel().tolist() == [0, 3, 1, 2, 4, 5]


def test_copy_to_looks_at_dtype_and_shape(saved):
    with th.open(saved(CONTENT)) as file:
        for wrong in (np.zeros(3), np.zeros((3, 2), "f4"), np.zeros((2, 3), "i4")):
            with pytest.raises(ValueError, match=r'tensor "a": .*the tensor is F32 \(2, 3\)'):
                file.copy_to({"u": bytearray(3), "a": wrong})
            assert not wrong.any()
        for refused in (np.zeros((2, 3), "f4").T.reshape(2, 3, order="F")[::-1], RAW):
            with pytest.raises((ValueError, BufferError)):
                file.copy_to({"a": refused})
        places = [np.zeros((2, 3), "f4"), np.zeros(6, "f4"), bytearray(24), tensor("F32", (2, 3)).copy()]
        for place in places:
            file.copy_to({"a": place})
            assert bytes(memoryview(place).cast("B")) == bytes(range(24))
        half = np.zeros(2, ml_dtypes.bfloat16)
        file.copy_to({"b": half})
        assert half.tobytes() == b"abcd"


def test_save_takes_arrays_of_ml_dtypes(saved):
    values = [[0.5, 1, 2], [4, 8, 16]]
    for name, dtype in [("bfloat16", "BF16"), ("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2"),
                        ("float8_e8m0fnu", "F8_E8M0"), ("float8_e4m3fnuz", "F8_E4M3FNUZ"),
                        ("float8_e5m2fnuz", "F8_E5M2FNUZ")]:
        made = np.array(values).astype(getattr(ml_dtypes, name))
        for view in (made, made.T, made[:, ::2], made[1, 1]):
            back = th.open(saved({"a": view}))["a"]
            assert (back.dtype, back.shape) == (dtype, view.shape)
            assert back.tolist() == view.astype("f8").tolist()
    with pytest.raises(TypeError, match='^tensor "a": .*convert the array'):
        th.serialize({"a": np.zeros(3, ml_dtypes.int4)})


def longest_pause(call):
    """Of another thread that wakes up again and again meanwhile, as part of the call's time."""
    stamps, done = [], threading.Event()

    def tick():
        while not done.is_set():
            stamps.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    call()
    end = time.monotonic()
    done.set()
    thread.join()
    within = [begin, *(stamp for stamp in stamps if begin < stamp < end), end]
    return max(after - before for before, after in zip(within, within[1:])) / (end - begin)


def test_other_threads_run_while_arrays_are_packed():
    big = np.zeros((6000, 6000), "u2").T  # half of the time is the packing
    # Where others take the processor, too, more than one attempt.
    assert any(longest_pause(lambda: th.serialize({"a": big})) < 1 / 3 for _ in range(5))
