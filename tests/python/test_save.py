"""save() and serialize()."""

import array
import os
import signal
import struct
import threading

import lockfs
import numpy as np
import pytest

import tensorhold as th
from tensorhold.numpy import save_file


def loaded(content):
    return {name: (tensor.dtype, tensor.shape, bytes(tensor)) for name, tensor in th.open(content).items()}


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8",
                                   "f8", "c8"])
def test_arrays_of_numpy(dtype):
    made = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for view in (made, made.T, made[:, ::2, 1:], made[::-1], made[0:0], made[1, 1, 1:2].reshape(())):
        with th.open(th.serialize({"a": view})) as file:
            back = np.asarray(file["a"])
        assert back.dtype == view.dtype and back.shape == view.shape
        assert back.tolist() == view.tolist()


def test_buffers_of_python_itself():
    assert loaded(th.serialize({
        "bytes": b"ab", "array": array.array("d", [1.5]), "long": array.array("l", [1]),
        "view": memoryview(bytes(6)).cast("H", (1, 3)), "chars": memoryview(b"ab").cast("c"),
    })) == {
        "bytes": ("U8", (2,), b"ab"), "array": ("F64", (1,), struct.pack("<d", 1.5)),
        "long": (f"I{8 * array.array('l').itemsize}", (1,), array.array("l", [1]).tobytes()),
        "view": ("U16", (1, 3), bytes(6)), "chars": ("U8", (2,), b"ab"),
    }


def test_tensors_and_triples(saved):
    path = saved({"a": ("BF16", [2, 1], b"abcd"), "e": ("F32", (0,), b""), "p": ("F4", (2,), b"x")})
    with th.open(path) as file:
        again = th.serialize({"renamed": file["a"], "part": file["a"][1], "p": file["p"]})
    assert loaded(again) == {"renamed": ("BF16", (2, 1), b"abcd"), "part": ("BF16", (1,), b"cd"),
                             "p": ("F4", (2,), b"x")}


def test_save_writes_what_serialize_gives(tmp_path):
    tensors = {"b": array.array("f", [1, 2]), "a": ("U8", (1,), b"x")}
    for options in ({}, {"align": 4096}, {"reserve_header": 1000}):
        path = tmp_path / "one.safetensors"
        th.save(path, tensors, {"k": "v"}, durable=False, **options)
        assert path.read_bytes() == th.serialize(tensors, {"k": "v"}, **options)
    assert len(th.serialize(tensors, align=4096)) > 4096


def test_symbolic_links(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    th.save(link, {}, follow_symlink=True)
    assert link.is_symlink() and target.read_bytes() == th.serialize({})
    th.save(link, {})
    assert not link.is_symlink()


@pytest.mark.parametrize("value, why", [
    (np.zeros(2, "g"), "format"),
    (np.zeros(2, "U3"), "format"),
    (np.zeros(2, [("x", "f4")]), "format"),
    ([1, 2], "buffer protocol"),
    (("F32", (1,)), "a tuple is"),
], ids=repr)
def test_values_that_stand_for_no_tensor(value, why):
    with pytest.raises(TypeError, match=why) as caught:
        th.serialize({"the name": value})
    assert '"the name"' in str(caught.value)


@pytest.mark.parametrize("tensors, code", [
    ({"a": ("F32", (2,), b"1234")}, "size_mismatch"),
    ({"a": ("F99", (1,), b"1234")}, "unknown_dtype"),
    ({"a": ("F4", (3,), b"12")}, "partial_byte"),
    ({"a": ("F32", (2**62, 2**62), b"")}, "shape_overflow"),
    ({"a": ("F32", (-1,), b"")}, "invalid_argument"),
    ({"__metadata__": b"x"}, "invalid_argument"),
], ids=repr)
def test_tensors_that_cannot_be(tensors, code, tmp_path):
    with pytest.raises(ValueError) as caught:
        th.save(tmp_path / "x", tensors)
    assert caught.value.code == code and not list(tmp_path.iterdir())


def test_names_and_metadata_are_text():
    with pytest.raises(TypeError, match="names"):
        th.serialize({1: b"x"})
    for wrong in ({"a": 1}, {1: "a"}):
        with pytest.raises(TypeError, match="metadata"):
            th.serialize({}, wrong)
    for tensors, metadata in (({"\udc80": b"x"}, None), ({}, {"\udc80": ""}), ({}, {"": "\udc80"})):
        with pytest.raises(ValueError):
            th.serialize(tensors, metadata)
    with pytest.raises(TypeError):
        th.serialize({"a": (1, (1,), b"x")})
    for wrong in ([("a", b"")], b"x", 1):
        with pytest.raises(TypeError, match="^tensors is a mapping of names to values"):
            th.serialize(wrong)
        with pytest.raises(TypeError, match="^metadata is a mapping of str to str"):
            th.serialize({}, wrong)


def test_a_save_that_fails_leaves_the_old_file(saved):
    path = saved({"a": b"old"})
    before = path.read_bytes()
    with pytest.raises(ValueError):
        th.save(path, {"a": ("F32", (9,), b"short")})
    with pytest.raises(FileNotFoundError):
        th.save(path.parent / "absent" / "x", {"a": b"new"})
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_a_mapping_that_raises_is_heard():
    class Broken(dict):
        def items(self):
            yield "a", b"x"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        th.serialize(Broken())


def test_ctrl_c_ends_a_save_and_leaves_nothing(tmp_path):
    path = tmp_path / "x"
    data = bytes(64 << 20)

    def interrupt():
        while not any(tmp_path.iterdir()):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    for _ in range(20):
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            th.save(path, {"a": data}, durable=False)
            thread.join()
        except KeyboardInterrupt:
            thread.join()
        if not path.exists():
            break
        path.unlink()  # the save was faster
    else:
        pytest.fail("never interrupted")
    assert not list(tmp_path.iterdir())


def test_in_place_where_nothing_takes_the_name_of_a_file(tmp_path):
    with lockfs.mounted(tmp_path, "--no-rename") as filesystem:
        path = filesystem.path / "x"
        (filesystem.backing / "x").write_bytes(th.serialize({"old": b"old"}))
        with pytest.raises(PermissionError):
            th.save(path, {"a": b"new"})
        th.save(path, {"a": b"new"}, in_place=True)
        assert th.open(path).keys() == ["a"]
        with th.Writer(path, {"b": ("U8", (3,))}, in_place=True) as writer:
            writer.write("b", b"abc")
        assert th.open(path).keys() == ["b"]
        with pytest.raises(PermissionError):
            th.edit_metadata(path, {"k": "v" * 9000})
        assert th.edit_metadata(path, {"k": "v" * 9000}, in_place=True).rewritten
        assert th.open(path).metadata == {"k": "v" * 9000}
        save_file({"c": np.ones(3)}, path, in_place=True)
        assert th.open(path).keys() == ["c"]
        other = tmp_path / "other"
        other.write_bytes(th.serialize({"d": b"x"}))
        with pytest.raises(PermissionError):
            th.replace(other, path)
        th.replace(other, path, in_place=True)
        assert th.open(path).keys() == ["d"] and not other.exists()


def test_messages_show_what_names_have_inside():
    with pytest.raises(th.Error) as failed:
        th.open(th.serialize({"a": b"x"}))["no\x00such\n\x1b[31mname"]
    assert r"no\x00such\n\x1b[31mname" in str(failed.value) and "\n" not in str(failed.value)
    with pytest.raises(TypeError, match=r'tensor "a\\x00b\\n": a tuple is'):
        th.serialize({"a\x00b\n": (1, 2)})
