"""Writer."""

import array
import gc
import threading

import pytest

import tensorhold as th

LAYOUT = {"a": ("F32", (2, 3)), "b": ("U8", (4,)), "e": ("I64", (0,))}
NUMBERS = array.array("f", range(6))


def test_the_end_of_the_block_puts_the_file_in_place(tmp_path):
    path = tmp_path / "new.safetensors"
    with th.Writer(path, LAYOUT, {"k": "v"}) as writer:
        assert writer.is_open and writer.nbytes == 28 and writer.missing() == ["a", "b"]
        writer.write_at("b", 2, b"cd")
        writer.write("a", NUMBERS)
        assert not path.exists() and writer.written == 26
        writer.write_at("b", 0, memoryview(b"ab"))
    assert not writer.is_open
    expected = {"a": ("F32", (2, 3), NUMBERS), "b": b"abcd", "e": ("I64", (0,), b"")}
    assert path.read_bytes() == th.serialize(expected, {"k": "v"})


def test_an_exception_leaves_nothing(saved):
    path = saved({"old": b"old"})
    with pytest.raises(ZeroDivisionError), th.Writer(path, LAYOUT) as writer:
        writer.write("a", NUMBERS)
        1 / 0
    assert not writer.is_open
    with pytest.raises(ValueError) as caught, th.Writer(path, LAYOUT):
        pass
    assert caught.value.code == "incomplete" and caught.value.tensor == "a"
    assert list(path.parent.iterdir()) == [path] and list(th.open(path)) == ["old"]


def test_wrong_writes(tmp_path):
    writer = th.Writer(tmp_path / "x", LAYOUT)
    writer.write("b", b"abcd")
    for code, kind, call in [
        ("already_written", ValueError, lambda: writer.write("b", b"abcd")),
        ("size_differs", ValueError, lambda: writer.write("a", b"x")),
        ("invalid_slice", IndexError, lambda: writer.write_at("a", 23, b"xy")),
        ("tensor_not_found", KeyError, lambda: writer.write("z", b"")),
        ("incomplete", ValueError, writer.commit),
    ]:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.code == code
    writer.abandon()
    with pytest.raises(ValueError) as caught:
        writer.write("a", NUMBERS)
    assert caught.value.code == "closed" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("layout", [{"a": "F32"}, {"a": ("F32",)}, {"a": (1, (1,))}, {1: ("F32", ())}],
                         ids=str)
def test_wrong_layouts(layout, tmp_path):
    with pytest.raises(TypeError):
        th.Writer(tmp_path / "x", layout)
    assert not list(tmp_path.iterdir())


def test_a_writer_that_is_dropped_leaves_nothing(tmp_path):
    th.Writer(tmp_path / "x", LAYOUT).write("a", NUMBERS)
    assert not list(tmp_path.iterdir())


def test_threads_write_their_parts(tmp_path):
    count, size = 8, 100_000
    path = tmp_path / "x"
    with th.Writer(path, {"t": ("U8", (count, size))}) as writer:
        threads = [threading.Thread(target=writer.write_at, args=("t", i * size, bytes([i]) * size))
                   for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bytes(th.open(path)["t"]) == b"".join(bytes([i]) * size for i in range(count))


def test_progress_of_a_save_is_told_and_may_end_it(saved, tmp_path):
    told = []
    path = tmp_path / "x"
    th.save(path, {"a": bytes(1 << 20)}, progress=lambda done, total: told.append((done, total)))
    assert told and told[-1][0] == told[-1][1] >= 1 << 20

    def stop(done, total):
        raise ZeroDivisionError

    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        th.save(path, {"a": bytes(2 << 20)}, threads=1, progress=stop)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_progress_of_a_writer(tmp_path):
    told = []
    path = tmp_path / "x"
    layout = {"a": ("U8", (4, 1000)), "b": ("U8", (10,))}
    with th.Writer(path, layout, progress=lambda *bytes: told.append(bytes)) as writer:
        for row in range(4):
            writer.write_at("a", 1000 * row, bytes(1000))
        writer.write("b", bytes(10))
    done, total = zip(*told)
    assert list(done) == sorted(done) and done[0] < done[-1] == total[-1]
    assert set(total) == {path.stat().st_size}


def test_an_exception_in_the_progress_of_a_writer(tmp_path):
    fails = []

    def progress(done, total):
        if fails:
            raise ZeroDivisionError

    writer = th.Writer(tmp_path / "x", {"a": ("U8", (3,))}, progress=progress)
    fails.append(True)
    with pytest.raises(ZeroDivisionError):
        writer.write("a", b"abc")
    fails.clear()
    writer.write("a", b"abc")  # the range counts as not written
    writer.commit()
    assert bytes(th.open(tmp_path / "x")["a"]) == b"abc"


def test_a_writer_in_a_cycle_with_its_progress_goes(tmp_path):
    class Owner:
        def __init__(self):
            self.writer = th.Writer(tmp_path / "x", LAYOUT, progress=self.report)

        def report(self, done, total):
            pass

    Owner()
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_an_exception_in_the_progress_of_a_new_writer(tmp_path):
    with pytest.raises(ZeroDivisionError):
        th.Writer(tmp_path / "x", LAYOUT, progress=lambda done, total: 1 / 0)
    assert not list(tmp_path.iterdir())
