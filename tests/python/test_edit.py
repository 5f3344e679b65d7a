"""edit_metadata and overwrite."""

import array

import pytest

import tensorhold as th


@pytest.fixture
def path(saved):
    return saved({"w": array.array("f", range(1000)), "b": b"abc"}, {"k": "v", "l": "w"},
                 reserve_header=1000)


def listing(path):
    return [entry.name for entry in path.parent.iterdir()]


def test_metadata_is_edited_in_place(path):
    inode, size = path.stat().st_ino, path.stat().st_size
    assert th.edit_metadata(path, {"n": "1", "l": "x"}, ["k", "absent"]) == (True, False, False, False, "")
    with th.open(path) as file:
        assert file.metadata == {"l": "x", "n": "1"}
        assert file["w"].tolist() == list(range(1000))
    assert (path.stat().st_ino, path.stat().st_size) == (inode, size)
    assert not th.edit_metadata(path, {"l": "x"}).changed
    assert listing(path) == [path.name]


def test_metadata_that_does_not_fit_makes_a_new_file(path):
    told = []
    with th.open(path, access="mapped") as file:
        tensor = file["w"]
        edited = th.edit_metadata(path, {"n": "1" * 5000}, reserve_header=0, durable=False,
                                  progress=lambda done, total: told.append((done, total)))
        assert edited.changed and edited.rewritten
        assert tensor.tolist() == list(range(1000))
    with th.open(path) as file:
        assert file.metadata["n"] == "1" * 5000 and bytes(file["b"]) == b"abc"


def test_overwrite_leaves_own_tensors_as_they_were(path):
    inode = path.stat().st_ino
    with th.open(path, access="mapped") as file:
        tensor = file["w"]
        edited = th.overwrite(path, "w", array.array("f", [7] * 1000))
        assert edited.changed and not edited.rewritten and edited.released
        assert tensor.tolist() == list(range(1000))
    with th.open(path) as file:
        assert file["w"].tolist() == [7] * 1000 and bytes(file["b"]) == b"abc"
    assert path.stat().st_ino == inode and listing(path) == [path.name]


def test_wrong_edits_change_nothing(path):
    before = path.read_bytes()
    for kind, call in [
        (KeyError, lambda: th.overwrite(path, "absent", b"")),
        (ValueError, lambda: th.overwrite(path, "b", b"ab")),
        (ValueError, lambda: th.edit_metadata(path, {"a": "b"}, lock_timeout=-1)),
        (TypeError, lambda: th.edit_metadata(path, {"a": 1})),
        (TypeError, lambda: th.edit_metadata(path, None, "k")),
        (FileNotFoundError, lambda: th.edit_metadata(path.with_name("none"), {"a": "b"})),
    ]:
        with pytest.raises(kind):
            call()
    with th.lock_shared(path), pytest.raises(TimeoutError) as caught:
        th.overwrite(path, "b", b"xyz")
    assert caught.value.code == "lock_conflict"
    assert path.read_bytes() == before and listing(path) == [path.name]
