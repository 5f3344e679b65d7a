"""Many threads on the same files and tensors."""

import threading

import numpy as np
import pytest

import tensorhold as th

COUNT = 40
SIZE = 50_000


def run(*workers):
    """Runs all at once, and raises what one of them raised."""
    raised = []

    def call(worker):
        try:
            worker()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=call, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


@pytest.fixture
def path(saved):
    return saved({f"t{i}": np.full(SIZE, i, np.int32) for i in range(COUNT)})


@pytest.mark.parametrize("access", ["mapped", "owned"])
def test_reading_while_one_releases(path, access):
    for _ in range(5):
        file = th.open(path, access=access)
        tensors = [file[f"t{i}"] for i in range(COUNT)]
        started, done = threading.Barrier(4), threading.Event()

        def read():
            started.wait()
            while True:
                last = done.is_set()
                for i, tensor in enumerate(tensors):
                    assert np.asarray(tensor)[:: SIZE // 10].tolist() == [i] * 10
                    assert tensor[SIZE - 1].item() == i
                if last:
                    return

        def release():
            started.wait()
            th.release(path)
            done.set()

        run(read, read, read, release)
        assert not any(tensor.mapped for tensor in tensors)


@pytest.mark.parametrize("access", ["mapped", "owned"])
def test_all_uses_at_once(path, access):
    file = th.open(path, access=access)

    def work(seed):
        order = np.random.default_rng(seed).permutation(COUNT)

        def use():
            for i in order:
                tensor = file[f"t{i}"]
                assert tensor[1:20:6].tolist() == [i] * 4
                assert np.asarray(tensor.copy()).sum() == i * SIZE
                mine = np.from_dlpack(tensor)
                mine[seed] += 1
                assert np.asarray(tensor)[seed] == i
                assert [h for h in th.holders(path) if h.tensor == f"t{i}"] or access == "owned"

        return use

    run(*[work(seed) for seed in range(6)])


def test_closing_while_others_ask_gives_a_tensor_or_the_error_closed(path):
    for _ in range(20):
        file = th.open(path)
        started = threading.Barrier(3)

        def ask():
            started.wait()
            for i in range(COUNT):
                try:
                    assert file[f"t{i}"][0].item() == i
                except ValueError as error:
                    assert error.code == "closed"

        def close():
            started.wait()
            file.close()

        run(ask, ask, close)


def test_saves_to_one_path_leave_one_of_them(path):
    def save(value):
        return lambda: th.save(path, {"a": np.full(1000, value, np.int64)}, durable=False)

    run(*[save(value) for value in range(8)])
    values = set(np.asarray(th.open(path)["a"]).tolist())
    assert len(values) == 1 and len(list(path.parent.iterdir())) == 1


def test_the_gil_is_free_while_a_call_waits(path):
    waiting = threading.Event()
    lock = th.lock_exclusive(path)
    got = []

    def wait():
        waiting.set()
        with th.lock_shared(path, timeout=60):
            got.append("shared")

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    # Without the GIL's release the other thread would never let this one come here.
    lock.unlock()
    thread.join()
    assert got == ["shared"]
