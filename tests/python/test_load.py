"""File.load and File.prefetch."""

import numpy as np
import pytest

import tensorhold as th

COUNT = 50


@pytest.fixture(params=["mapped", "owned"])
def file(saved, request):
    path = saved({f"t{i}": np.full(1000 + i, i, np.int32) for i in range(COUNT)})
    with th.open(path, access=request.param) as file:
        yield file


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_load_gives_owned_writable_tensors(file, threads):
    tensors = file.load(threads=threads)
    assert list(tensors) == list(file)
    for i in range(COUNT):
        tensor = tensors[f"t{i}"]
        assert not tensor.mapped and not tensor.readonly and tensor.shape == (1000 + i,)
        made = np.asarray(tensor)
        assert set(made.tolist()) == {i}
        made[0] = -1
        assert file[f"t{i}"][0].item() == i
        assert np.from_dlpack(tensor)[0] == -1  # the same memory


def test_load_of_some_in_the_order_asked(file):
    assert list(file.load(["t7", "t3"])) == ["t7", "t3"]
    assert list(file.load(name for name in ("t1",))) == ["t1"]
    assert file.load([]) == {}
    with pytest.raises(KeyError):
        file.load(["t1", "absent"])
    for wrong in ("t1", [1], 5):
        with pytest.raises(TypeError):
            file.load(wrong)


def test_progress_ends_with_all_bytes_and_may_end_the_load(file):
    told = []
    file.load(progress=lambda done, total: told.append((done, total)))
    size = sum(file.info(name).nbytes for name in file)
    assert told[-1] == (size, size) and told == sorted(told)

    def stop(done, total):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        file.load(progress=stop)
    assert len(file.load()) == COUNT


def test_a_budget_that_is_too_small(file):
    with pytest.raises(MemoryError) as caught:
        file.load(memory_budget=4096)
    assert caught.value.code == "memory_limit"


def test_a_closed_file_loads_nothing(file):
    file.close()
    with pytest.raises(ValueError) as caught:
        file.load()
    assert caught.value.code == "closed"


def test_prefetch_reads_ahead(file):
    assert file.prefetch() >= 0
    assert file.prefetch(["t1"], threads=1) >= 0
    assert file["t1"][0].item() == 1
    with pytest.raises(KeyError):
        file.prefetch(["absent"])
