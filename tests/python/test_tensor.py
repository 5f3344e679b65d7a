"""Tensor: slices, values, copies."""

import array
import copy
import math
import operator
import pickle
import struct

import pytest

import tensorhold as th

SHAPE = (4, 5, 6)
NUMBERS = array.array("i", range(120))


@pytest.fixture(params=["mapped", "owned"])
def cube(saved, request):
    path = saved({"cube": ("I32", SHAPE, NUMBERS), "one": ("F64", (), struct.pack("<d", 2.5))})
    with th.open(path, access=request.param) as file:
        yield file["cube"]


def nested(view, index):
    """What Python itself makes of the index, on nested lists."""
    if not isinstance(index, tuple):
        index = (index,)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        index = index[:at] + (slice(None),) * (3 - len(index) + 1) + index[at + 1 :]

    def take(value, rest):
        if not rest:
            return value
        if isinstance(rest[0], slice):
            return [take(part, rest[1:]) for part in value[rest[0]]]
        return take(value[rest[0]], rest[1:])

    return take(view, index)


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        slice(None),
        slice(1, 3),
        slice(-2, None),
        slice(3, 1),
        slice(-(10**30), 10**30, 2),
        (slice(None), 2),
        (slice(None), slice(None, None, 2), slice(1, None, 3)),
        (1, 2, 3),
        (-1, slice(0, 2), -2),
        ...,
        (..., 1),
        (0, ..., slice(0, 4)),
        (slice(0, 0), ...),
    ],
    ids=str,
)
def test_a_slice_is_an_owned_copy_of_what_python_would_take(cube, index):
    values = cube.tolist()
    part = cube[index]
    assert isinstance(part, th.Tensor)
    assert part.tolist() == nested(values, index)
    assert not part.mapped and not part.readonly and part.offset is None
    assert part.name == "cube" and part.dtype == "I32"
    if part.nbytes:
        memoryview(part).cast("B")[0] ^= 255
        assert cube.tolist() == values


def test_positions_come_from_anything_with_index(cube):
    class Two:
        def __index__(self):
            return 2

    assert cube[Two()].tolist() == cube[2].tolist()
    assert cube[Two() : 10**20].tolist() == cube[2:].tolist()


@pytest.mark.parametrize("index", [4, -5, 10**30, (0, 0, 6), (0, 0, 0, 0), slice(None, None, -1),
                                   slice(None, None, 0), (..., ...)], ids=str)
def test_a_slice_that_the_shape_does_not_have(cube, index):
    with pytest.raises((IndexError, ValueError)):
        cube[index]


@pytest.mark.parametrize("index", [None, (0, None), True, 1.0, "x", [0, 1]], ids=str)
def test_what_is_no_index(cube, index):
    with pytest.raises(TypeError, match="indexed by integers, slices and '...'"):
        cube[index]


class OneElement:
    """An array as some frameworks have them: __index__, whatever the axes and the dtype."""

    def __init__(self, shape, dtype="int64"):
        self.shape, self.dtype = shape, dtype

    def __index__(self):
        return 1


def test_an_array_of_one_element_is_no_integer(cube):
    one = th.open(th.serialize({"s": ("I64", (), bytes([1]) + bytes(7)), "a": ("I64", (1,), bytes(8)),
                                "b": ("BOOL", (), b"\1")}))
    for integer in (OneElement(()), one["s"]):
        assert cube[integer].tolist() == cube[1].tolist()
        assert cube[integer:].tolist() == cube[1:].tolist()
    for array in (OneElement((1,)), OneElement((1, 1)), OneElement([1]), OneElement((), "framework.bool"),
                  one["a"], one["b"]):
        for index in (array, (0, array), (..., array), slice(array, None), slice(None, array)):
            with pytest.raises(TypeError, match="indexed by integers, slices"):
                cube[index]
        with pytest.raises(TypeError):
            th.serialize({"x": ("U8", (array,), b"a")})
        with pytest.raises((TypeError, ValueError)):  # bytes of a Tensor are content
            th.open(array)
    for flag in (True, False):
        with pytest.raises(TypeError):
            th.serialize({"x": ("U8", (flag,), b"a")})


def test_iteration_ends_and_len_is_the_first_extent(cube):
    assert len(cube) == 4 and [row.tolist() for row in cube] == cube.tolist()
    scalar = th.open(th.serialize({"s": ("F64", (), struct.pack("<d", 2.5))}))["s"]
    assert scalar.tolist() == 2.5 == scalar.item() and scalar[()].item() == 2.5
    for refused in (len, iter):
        with pytest.raises(TypeError, match="no dimensions"):
            refused(scalar)
    with pytest.raises(IndexError):
        scalar[0]


def test_item_is_for_one_element(cube):
    assert cube[1, 2, 3].item() == 45
    assert cube[:1, :1, :1].item() == 0
    with pytest.raises(ValueError, match="120"):
        cube.item()


# Bytes and what they mean, for every dtype of the format.
VALUES = {
    "BOOL": (b"\x00\x01\x02", [False, True, True]),
    "U8": (b"\x00\xff", [0, 255]),
    "I8": (b"\x7f\x80", [127, -128]),
    "I16": (struct.pack("<2h", -2, 3), [-2, 3]),
    "U16": (struct.pack("<2H", 0, 65535), [0, 65535]),
    "I32": (struct.pack("<2i", -(2**31), 7), [-(2**31), 7]),
    "U32": (struct.pack("<I", 2**32 - 1), [2**32 - 1]),
    "I64": (struct.pack("<2q", -(2**63), 2**53 + 1), [-(2**63), 2**53 + 1]),
    "U64": (struct.pack("<Q", 2**64 - 1), [2**64 - 1]),
    "F16": (struct.pack("<2e", 1.5, -2), [1.5, -2]),
    "BF16": (b"\xc0\x3f\x00\xc0", [1.5, -2]),
    "F32": (struct.pack("<2f", 1.5, -2), [1.5, -2]),
    "F64": (struct.pack("<2d", 0.1, -2), [0.1, -2]),
    "C64": (struct.pack("<4f", 1, 2, -3, 0.5), [1 + 2j, -3 + 0.5j]),
    "F8_E5M2": (b"\x3e\xc0", [1.5, -2]),
    "F8_E4M3": (b"\x3c\xc0", [1.5, -2]),
    "F8_E8M0": (b"\x7f\x80", [1, 2]),
    "F8_E4M3FNUZ": (b"\x40\xc8", [1, -2]),
    "F8_E5M2FNUZ": (b"\x40\xc4", [1, -2]),
    # Packed from the low bits up: more than one group of eight elements.
    "F4": (bytes([0x32, 0xA2] * 5), [1, 1.5, 1, -1] * 5),
    "F6_E2M3": (bytes([0x08, 0x82, 0x20] * 3), [1, 1, 1, 1] * 3),
    "F6_E3M2": (bytes([0x0C, 0xC3, 0x30] * 3), [1, 1, 1, 1] * 3),
}


@pytest.mark.parametrize("dtype", VALUES)
def test_values_of_every_dtype(dtype):
    content, values = VALUES[dtype]
    tensor = th.open(th.serialize({"t": (dtype, (len(values),), content)}))["t"]
    assert tensor.tolist() == values
    assert [type(value) for value in tensor.tolist()] == [
        type(value) if dtype in ("BOOL", "C64") or dtype[0] in "UI" else float for value in values
    ]
    assert bytes(tensor) == content == bytes(tensor.raw) == bytes(tensor.copy())
    assert tensor.raw.format == "B" and tensor.raw.shape == (len(content),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_gives_an_owned_copy(cube, protocol):
    again = pickle.loads(pickle.dumps(cube, protocol))
    assert_owned_copy(again, cube)


def test_pickle_out_of_band_copies_nothing_on_the_way(cube):
    buffers = []
    data = pickle.dumps(cube, 5, buffer_callback=buffers.append)
    assert len(buffers) == 1 and len(data) < 300
    assert buffers[0].raw().nbytes == cube.nbytes
    assert_owned_copy(pickle.loads(data, buffers=buffers), cube)


def test_copies(cube):
    for again in (cube.copy(), copy.copy(cube), copy.deepcopy(cube), copy.deepcopy([cube])[0]):
        assert_owned_copy(again, cube)


def assert_owned_copy(again, tensor):
    assert (again.name, again.dtype, again.shape) == (tensor.name, tensor.dtype, tensor.shape)
    assert not again.mapped and not again.readonly and bytes(again) == bytes(tensor)
    before = bytes(tensor)
    again.raw[0] = 99
    assert bytes(tensor) == before


def test_a_pickle_that_lies_is_refused(cube):
    rebuild, (name, dtype, shape, _) = cube.__reduce_ex__(2)
    for wrong in [(name, "F99", shape, b""), (name, dtype, shape, b"x"), (name, dtype, (2**63, 9), b""),
                  (name, dtype, (-1,), b""), (name, "F4", (1,), b"")]:
        with pytest.raises(ValueError):
            rebuild(*wrong)


def test_writable_views_are_private_and_seen_by_nobody_else(saved):
    path = saved({"a": ("U8", (4,), b"abcd")})
    with th.open(path) as file:
        mine, plain = file.writable("a"), file["a"]
        assert not mine.readonly and plain.readonly
        memoryview(mine)[0] = ord("z")
        assert bytes(mine) == b"zbcd" and bytes(plain) == b"abcd"
        with pytest.raises(TypeError):
            memoryview(plain)[0] = 0
    assert bytes(th.open(path)["a"]) == b"abcd"


def test_tensors_and_files_are_made_by_the_library_alone():
    for kind in (th.Tensor, th.File, th.FileLock):
        with pytest.raises(TypeError):
            kind()


def one(dtype, content, shape=()):
    return th.open(th.serialize({"t": (dtype, shape, content)}))["t"]


def test_one_element_is_a_number():
    seven, half = one("I32", struct.pack("<i", 7)), one("F32", struct.pack("<f", 2.5), (1, 1))
    assert (int(seven), float(seven), complex(seven), bool(seven)) == (7, 7.0, 7 + 0j, True)
    assert (int(half), float(half), complex(half)) == (2, 2.5, 2.5 + 0j)
    assert type(int(half)) is int and type(float(seven)) is float
    assert int(one("U8", b"9")) == 57  # which is no text
    assert complex(one("C64", struct.pack("<2f", 1, -2))) == 1 - 2j
    assert operator.index(seven) == 7 and "abcdefgh"[seven] == "h"
    assert not one("BOOL", b"\0", (1,)) and not one("F32", bytes(4)) and one("BF16", b"\x80\x3f")
    assert math.isnan(float(one("F32", struct.pack("<f", math.nan))))


@pytest.mark.parametrize("call", [int, float, complex, operator.index, bool], ids=lambda call: call.__name__)
def test_several_elements_or_none_are_no_number(cube, call):
    for tensor in (cube, cube[0:0]):
        with pytest.raises(ValueError if call is bool else TypeError, match="only a tensor of"):
            call(tensor)


def test_only_whole_numbers_without_dimensions_are_positions():
    for tensor in (one("F32", bytes(4)), one("BOOL", b"1"), one("I32", bytes(4), (1,))):
        with pytest.raises(TypeError, match="position"):
            operator.index(tensor)
    with pytest.raises(TypeError):
        float(one("C64", bytes(8)))


@pytest.mark.parametrize("count", [64, 65, 1000, 100_000])
def test_tolist_of_many_dimensions(count):
    shape = ",".join(["1"] * (count - 1) + ["2"])
    header = f'{{"a":{{"dtype":"U8","shape":[{shape}],"data_offsets":[0,2]}}}}'.encode()
    value = th.open(len(header).to_bytes(8, "little") + header + b"\x07\x08")["a"].tolist()
    for _ in range(count - 1):
        (value,) = value
    assert value == [7, 8]
