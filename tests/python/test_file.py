"""open() and File."""

import array
import os
import pickle

import pytest

import tensorhold as th

VALUES = array.array("f", range(12))


def small(saved, **metadata):
    return saved({"b": ("F32", (3, 4), VALUES), "a": ("U8", (2,), b"\x01\x02")}, metadata or None)


def test_names_come_in_offset_order_and_keys_are_sorted(saved):
    with th.open(small(saved)) as file:
        assert list(file) == ["b", "a"]
        assert file.keys() == ["a", "b"]
        assert [name for name, _ in file.items()] == ["b", "a"]
        assert len(file) == 2
        assert "a" in file and "c" not in file and 1 not in file and "\udc80" not in file


@pytest.mark.parametrize("access", ["mapped", "owned"])
def test_info_and_tensor_say_the_same(saved, access):
    path = small(saved)
    with th.open(path, access=access) as file:
        assert file.access == access and file.why
        assert file.path == str(path)
        assert file.file_bytes == path.stat().st_size
        assert file.header_bytes + 8 + 50 == file.file_bytes and file.trailing_bytes == 0
        info, tensor = file.info("b"), file["b"]
        assert info == th.TensorInfo("b", "F32", (3, 4), 8 + file.header_bytes, 48)
        assert (tensor.name, tensor.dtype, tensor.shape) == ("b", "F32", (3, 4))
        assert (tensor.offset, tensor.nbytes, tensor.size) == (info.offset, 48, 12)
        assert tensor.mapped == (access == "mapped") and tensor.readonly
        assert tensor.device == "cpu" and tensor.ndim == 2


def test_metadata_is_a_dict_or_none(saved):
    assert th.open(small(saved)).metadata is None
    assert th.open(small(saved, format="pt", ä="ö")).metadata == {"format": "pt", "ä": "ö"}
    assert th.open(saved({}, {})).metadata == {}


def test_sources(saved, tmp_path):
    path = small(saved)
    content = path.read_bytes()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sources = [path, str(path), descriptor, content, bytearray(content), memoryview(content)]
        for source in sources:
            with th.open(source) as file:
                assert bytes(file["a"]) == b"\x01\x02"
    finally:
        os.close(descriptor)
    for wrong in (1.5, None, ["x"], True):
        with pytest.raises(TypeError, match="a path, a file descriptor, or bytes"):
            th.open(wrong)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_path_that_is_not_utf8(saved, tmp_path):
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.safetensors")
    os.rename(small(saved), strange)
    with th.open(strange) as file:
        assert file.path == strange
    with pytest.raises(FileNotFoundError) as caught:
        th.open(strange + "x")
    assert caught.value.path == strange + "x" == caught.value.filename


def test_closed_files_keep_what_was_read(saved):
    with th.open(small(saved)) as file:
        tensor = file["b"]
        assert not file.closed
    assert file.closed and "closed" in repr(file)
    assert tensor.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert file.keys() == ["a", "b"] and file.info("a").nbytes == 2
    with pytest.raises(ValueError, match="closed") as caught:
        file["a"]
    assert caught.value.code == "closed" and caught.value.tensor == "a"


def test_the_block_ends_with_an_exception_too(saved):
    with pytest.raises(ZeroDivisionError):
        with th.open(small(saved)) as file:
            1 / 0
    assert file.closed


def test_release_on_exit(saved):
    path = small(saved)
    with th.open(path, access="mapped", release_on_exit=True) as file:
        tensor = file["b"]
        assert tensor.mapped
    assert not tensor.mapped and tensor.tolist()[2] == [8, 9, 10, 11]
    assert not [holder for holder in th.holders(path) if holder.own]


def test_bytes_in_memory_stay_while_tensors_need_them():
    tensor = th.open(th.serialize({"a": ("U8", (3,), b"abc")}))["a"]
    assert bytes(tensor) == b"abc"


def test_a_bytearray_that_tensors_need_cannot_be_resized():
    content = bytearray(th.serialize({"a": ("U8", (3,), b"abc")}))
    tensor = th.open(content)["a"]
    with pytest.raises(BufferError):
        content.clear()
    del tensor
    content.clear()


def test_copy_to(saved):
    path = small(saved)
    floats, two = array.array("f", [0.0] * 12), bytearray(2)
    with th.open(path) as file:
        file.copy_to({"a": two, "b": floats})
        assert floats == VALUES and two == b"\x01\x02"
        with pytest.raises(ValueError) as caught:
            file.copy_to({"a": bytearray(3)})
        assert caught.value.code == "size_differs"
        with pytest.raises(KeyError):
            file.copy_to({"z": bytearray(3)})
        with pytest.raises(BufferError):
            file.copy_to({"a": b"12"})


def test_check_tells_what_became_of_the_file(saved):
    path = small(saved)
    file = th.open(path)
    assert file.check() == "unchanged"
    os.rename(small(saved), path)
    assert file.check() == "replaced"
    os.remove(path)
    assert file.check() == "deleted"


def test_a_file_is_not_pickled(saved):
    with pytest.raises(TypeError, match="pass its path"):
        pickle.dumps(th.open(small(saved)))


def test_options_are_checked(saved):
    path = small(saved)
    with pytest.raises(ValueError, match='access is "fast"'):
        th.open(path, access="fast")
    with pytest.raises(TypeError):
        th.open(path, None, "mapped")
    with pytest.raises(ValueError):
        th.open(path, lock=True, lock_timeout=-1.0)
    with pytest.raises(ValueError) as caught:
        th.open(path, header_limit=8)
    assert caught.value.code == "header_too_large"


def test_lenient_accepts_trailing_bytes(saved):
    path = small(saved)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ValueError) as caught:
        th.open(path)
    assert caught.value.code == "trailing_bytes"
    assert th.open(path, lenient=True).trailing_bytes == 4


def test_repr_fits_80_columns(saved, tmp_path):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    path = folder / "y.safetensors"
    th.save(path, {"a" * 200: ("U8", (1,), b"1"), "b": ("U8", (1,) * 40, b"1")})
    with th.open(path) as file:
        assert len(repr(file)) <= 80 and repr(file).startswith("<File ...")
        for _, tensor in file.items():
            assert len(repr(tensor)) <= 80
