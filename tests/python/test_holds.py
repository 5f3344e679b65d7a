"""Holds, releases, changes of files that are held, locks."""

import array
import os
import subprocess
import sys

import lockfs
import pytest

import tensorhold as th


@pytest.fixture
def path(saved):
    return saved({"w": ("F32", (1024, 1024), bytes(4 << 20)), "x": ("U8", (3,), b"abc")})


def own(path):
    return [holder for holder in th.holders(path) if holder.own]


def test_holders_names_the_live_tensors(path):
    with th.open(path, access="mapped", label="test") as file:
        tensor = file["w"]
        found = th.holders(path)
        assert isinstance(found, list) and found.proof in ("held", "unknown") and found.unseen >= 0
        mine = [holder for holder in found if holder.tensor == "w"]
        assert len(mine) == 1 and mine[0].own and mine[0].pid == os.getpid()
        assert (mine[0].how, mine[0].which, mine[0].label) == ("mapped", "current", "test")
        assert mine[0].nbytes == tensor.nbytes
    del tensor, file
    assert own(path) == []


def test_the_hold_ends_with_the_last_tensor(path):
    tensor = th.open(path, access="mapped")["w"]
    rows = tensor[0:2]
    view = memoryview(tensor)
    assert "w" in [holder.tensor for holder in own(path)]
    del tensor
    assert own(path)
    view.release()
    assert own(path) == [] and rows.shape == (2, 1024)


def test_the_block_ends_the_hold_though_its_variable_lives(path):
    with th.open(path, access="mapped") as file:
        assert bytes(file["x"]) == b"abc"
        assert own(path)
    assert own(path) == [] and file.keys() and file.closed


def test_what_escaped_the_block_holds_until_it_is_dropped(path, tmp_path):
    with lockfs.mounted(tmp_path, "--sharing") as filesystem:
        held = filesystem.path / "held.safetensors"
        held.write_bytes(path.read_bytes())
        with th.open(held, access="mapped") as file:
            tensor = file["x"]
            view = memoryview(file["w"])
        with pytest.raises(PermissionError):
            held.unlink()
        del tensor
        with pytest.raises(PermissionError):
            held.unlink()
        view.release()
        assert filesystem.held() == 0
        held.unlink()
        assert "x" in file


def test_release_keeps_address_and_values(path):
    view = memoryview(th.open(path, access="mapped")["x"])
    done = th.release(path)
    assert done.files == 1 and done.tensors == 1 and done.bytes > 0
    assert own(path) == [] and bytes(view) == b"abc"
    assert th.release(path)[1:] == (0, 0)


def test_after_a_release_no_new_tensor_is_to_be_had(path):
    with th.open(path, access="mapped") as file:
        tensor = file["w"]
        assert file.release(threads=1).tensors == 1
        assert not tensor.mapped and file.closed
        with pytest.raises(ValueError) as caught:
            file["x"]
        assert caught.value.code == "released"


def test_progress_is_told_and_its_exception_comes_through(path):
    tensor = th.open(path, access="mapped")["w"]
    told = []

    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    with pytest.raises(Stop):
        th.release(path, progress=stop)
    assert tensor.tolist()[0][:3] == [0, 0, 0]
    th.release(path, progress=lambda done, total: told.append((done, total)))
    assert told == [] or told[-1][0] == told[-1][1]
    assert not tensor.mapped


def test_remove_and_replace_while_mapped(path, saved):
    tensor = th.open(path, access="mapped")["x"]
    other = saved({"x": ("U8", (3,), b"new")})
    assert isinstance(th.replace(other, path), th.Changed)
    assert not other.exists() and bytes(th.open(path)["x"]) == b"new"
    assert th.remove(path, reclaim_space=True).moved_to == ""
    assert not path.exists() and bytes(tensor) == b"abc"
    with pytest.raises(FileNotFoundError):
        th.remove(path)
    with pytest.raises(FileNotFoundError):
        th.replace(other, path)


def test_save_over_the_file_that_is_loaded(path):
    with th.open(path, access="mapped") as file:
        tensors = dict(file.items())
        th.save(path, {**tensors, "y": array.array("i", [1])}, {"format": "pt"})
        assert bytes(tensors["x"]) == b"abc"
    with th.open(path) as file:
        assert sorted(file) == ["w", "x", "y"] and file.metadata == {"format": "pt"}


def test_locks(path):
    with th.lock_shared(path) as first, th.lock_shared(str(path), timeout=1):
        assert first.owns and first.path == str(path)
        with pytest.raises(TimeoutError):
            th.lock_exclusive(path)
    assert not first.owns
    lock = th.lock_exclusive(path)
    with pytest.raises(TimeoutError):
        th.open(path, lock=True, lock_timeout=0.01)
    lock.unlock()
    with th.open(path, lock=True) as file:
        with pytest.raises(TimeoutError):
            th.lock_exclusive(path)
        del file
    with pytest.raises(ValueError):
        th.lock_shared(path, timeout=float("nan"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_reads_releases_and_ends(path):
    code = f"""
import os, sys
import tensorhold as th
path = {str(path)!r}
file = th.open(path, access="mapped")
tensor, text = file["w"], file["x"]
child = os.fork()
if child == 0:
    assert bytes(text) == b"abc" and bytes(file["x"]) == b"abc"
    assert th.release(path).tensors == 2
    assert bytes(text) == b"abc" and not text.mapped
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert text.mapped and bytes(text) == b"abc" and bytes(file["w"][5]) == bytes(4096)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_tensors_kept_to_the_end_cause_no_warning(path):
    code = f"""
import tensorhold as th
with th.open({str(path)!r}, access="mapped") as file:
    kept = [file["w"], memoryview(file["x"]), file["x"].__dlpack__()]
content = bytearray(th.serialize({{"a": ("U8", (1,), b"x")}}))
memory = th.open(content)["a"]
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", code],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
