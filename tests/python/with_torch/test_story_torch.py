"""The story, S1 to S7, with torch: the file goes, is replaced or saved over, and every tensor keeps its
address and its values. On the local filesystem, and on one that refuses to change what is held."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading

import lockfs
import pytest

import tensorhold

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tensorhold.torch import load_file, load_model, save_file, save_model  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="maps and releases as Linux does")

LARGE = torch.arange(1_000_000, dtype=torch.float32)
SAVED = {"w": LARGE, "small": torch.arange(3), "half": LARGE[:5000].to(torch.bfloat16)}


class Place:
    """A folder, and whether its filesystem refuses to change what is held."""

    def __init__(self, folder, filesystem=None):
        self.path = str(folder / "model.safetensors")
        self.filesystem = filesystem
        save_file(SAVED, self.path)

    def names(self):
        return [name for name in os.listdir(os.path.dirname(self.path)) if name[0] != "."]

    def expect_held(self):
        """Without the library, a file that is mapped cannot be deleted here."""
        if self.filesystem is not None:
            with pytest.raises(OSError):
                os.unlink(self.path)
            assert self.filesystem.held() > 0

    def expect_free(self):
        if self.filesystem is not None:
            assert self.filesystem.held() == 0
        # No mapping of the file is left, by whatever name in its folder, which is this test's own.
        with open("/proc/self/maps") as maps:
            assert os.path.dirname(self.path) not in maps.read()


@pytest.fixture(params=["native", "lockfs"])
def place(request, tmp_path):
    if request.param == "native":
        yield Place(tmp_path)
        return
    with lockfs.mounted(tmp_path, "--sharing") as filesystem:
        yield Place(filesystem.path, filesystem)
        gc.collect()


@pytest.fixture(params=["mapped", "owned", "automatic"])
def access(request):
    return request.param


def expect_unchanged(tensor, address):
    assert tensor.data_ptr() == address
    assert torch.equal(tensor, LARGE)


def test_s1_remove_while_a_tensor_lives(place, access):
    w = load_file(place.path, access=access)["w"]
    address = w.data_ptr()
    if access == "mapped":
        place.expect_held()
    tensorhold.remove(place.path, reclaim_space=True)
    assert place.names() == []
    expect_unchanged(w, address)
    place.expect_free()


def test_s2_the_hold_ends_with_the_last_tensor(place, access):
    tensors = load_file(place.path, access=access)
    total = tensors["w"].sum().item()
    assert total == LARGE.sum().item()
    del tensors
    place.expect_free()
    os.unlink(place.path)
    assert place.names() == []


def test_s3_a_parameter_outlives_its_file(place):
    parameter = nn.Parameter(load_file(place.path, access="mapped", label="loader")["w"])
    address = parameter.data_ptr()
    (holder,) = [h for h in tensorhold.holders(place.path) if h.own and h.tensor]
    assert (holder.tensor, holder.label, holder.how) == ("w", "loader", "mapped")
    place.expect_held()
    tensorhold.release(place.path)
    place.expect_free()
    os.unlink(place.path)
    expect_unchanged(parameter.data, address)
    with torch.no_grad():
        parameter.add_(1)
    (parameter * 2).sum().backward()
    assert parameter.grad.shape == parameter.shape
    # Another file under the name is no matter of the parameter's.
    save_file({"w": torch.zeros(5)}, place.path)
    assert torch.equal(parameter.data, LARGE + 1)
    assert load_file(place.path)["w"].tolist() == [0] * 5


def test_s4_a_slice_is_a_copy(place):
    with tensorhold.open(place.path, access="mapped") as file:
        part = file["w"][:]
    place.expect_free()
    os.unlink(place.path)
    assert torch.equal(torch.from_dlpack(part), LARGE)


def test_s4_a_slice_of_the_drop_in_holds_until_it_is_dropped_or_released(place):
    from tensorhold.safetensors import safe_open

    with safe_open(place.path, "pt", access="mapped") as file:
        part = file.get_slice("w")[:]
        rows = file.get_slice("w")[1000:900_000:3]
    (holder,) = [h for h in tensorhold.holders(place.path) if h.own and h.tensor]
    assert (holder.tensor, holder.how) == ("w", "mapped")
    del part
    place.expect_held()
    address = rows.data_ptr()
    tensorhold.release(place.path)
    place.expect_free()
    os.unlink(place.path)
    assert rows.data_ptr() == address and torch.equal(rows, LARGE[1000:900_000:3])


def test_s5_load_change_save_to_the_same_path(place, access):
    for step in range(3):
        tensors = load_file(place.path, access=access)
        addresses = {name: tensor.data_ptr() for name, tensor in tensors.items()}
        tensors["w"].add_(1)
        save_file(tensors, place.path, {"step": str(step)})
        assert {name: tensor.data_ptr() for name, tensor in tensors.items()} == addresses
        assert torch.equal(tensors["w"], LARGE + step + 1)
        assert place.names() == ["model.safetensors"]
    with tensorhold.open(place.path) as file:
        assert file.metadata == {"step": "2"}
    assert torch.equal(load_file(place.path)["w"], LARGE + 3)
    assert torch.equal(load_file(place.path)["half"], SAVED["half"])


def test_s5_a_model_trained_and_saved_over_its_file(place):
    model = nn.Sequential(nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 1))
    save_model(model, place.path)
    load_model(model, place.path)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model(torch.ones(2, 300)).sum().backward()
        optimizer.step()
        save_model(model, place.path)
    other = nn.Sequential(nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 1))
    load_model(other, place.path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


def test_s6_an_exception_ends_the_hold(place):
    with pytest.raises(ZeroDivisionError):
        with tensorhold.open(place.path, access="mapped") as file:
            tensor = file["w"]
            assert tensor.mapped
            del tensor
            1 / 0  # noqa: B018
    del file  # closed; its mapping goes with the object
    place.expect_free()
    os.unlink(place.path)


def test_s6_tensors_that_escape(place):
    with pytest.raises(ZeroDivisionError):
        with tensorhold.open(place.path, access="mapped", release_on_exit=True) as file:
            escaped = torch.from_dlpack(file["w"])
            1 / 0  # noqa: B018
    place.expect_free()
    os.unlink(place.path)
    assert torch.equal(escaped, LARGE)


def test_s7_threads_read_and_write_during_a_release(place):
    tensors = load_file(place.path, access="mapped")
    w, half = tensors["w"], tensors["half"]
    stop = threading.Event()
    wrong = []
    rounds = [0, 0]

    def read():
        while not stop.is_set():
            if not torch.equal(w[1000:], LARGE[1000:]):
                wrong.append("read")
            rounds[0] += 1

    def write():
        value = 0
        while not stop.is_set():
            value += 1
            w[:1000] = value
            if w[:1000].min() != value:
                wrong.append("written")
            rounds[1] += 1

    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    while min(rounds) < 3:
        stop.wait(0.001)
    tensorhold.release(place.path)
    before = list(rounds)
    while min(r - b for r, b in zip(rounds, before)) < 3:
        stop.wait(0.001)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    place.expect_free()
    tensorhold.remove(place.path)
    assert torch.equal(half, SAVED["half"])


def test_pickle_and_deepcopy(place):
    w = load_file(place.path, access="mapped")["w"]
    copies = [copy.deepcopy(w), pickle.loads(pickle.dumps(w)), w.clone()]
    address = w.data_ptr()
    w.zero_()
    del w
    place.expect_free()
    for made in copies:
        assert made.data_ptr() != address
        assert torch.equal(made, LARGE)


# A process of its own: torch's threads do not survive a fork of the tests' process.
FORK = """
import os, sys, torch, tensorhold
from tensorhold.torch import load_file
path = sys.argv[1]
torch.set_num_threads(1)  # the threads of OpenMP do not survive a fork
w = load_file(path, access="mapped")["w"]
expected = torch.arange(1_000_000, dtype=torch.float32)
to_child, from_parent = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    os.read(from_parent[0], 1)        # the parent has released
    right = bool((w == expected).all())
    w.zero_()                         # private to the child
    tensorhold.release(path)
    os._exit(0 if right and w.sum() == 0 else 1)
tensorhold.release(path)
others = [h for h in tensorhold.holders(path) if not h.own]
print("child seen:", [h.pid for h in others] == [child])
os.write(from_parent[1], b"x")
print("child right:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0)
print("parent right:", bool((w == expected).all()))
tensorhold.remove(path)
print("gone:", not os.path.exists(path))
"""

LOADER = """
import sys, torch, tensorhold
from tensorhold.torch import load_file
from torch.utils.data import DataLoader, Dataset

class Rows(Dataset):
    def __init__(self, path, method):
        self.rows = load_file(path, access="mapped")["w"].view(1000, 1000)
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        return self.rows[index]

if __name__ == "__main__":
    path, method = sys.argv[1:]
    rows = Rows(path, method)
    loader = DataLoader(rows, batch_size=100, num_workers=2, multiprocessing_context=method)
    batches = []
    for number, batch in enumerate(loader):
        if number == 3:
            tensorhold.release(path)
        batches.append(batch)
    everything = torch.cat(batches).flatten()
    print("right:", torch.equal(everything, torch.arange(1_000_000, dtype=torch.float32)))
    tensorhold.remove(path)
"""


def run(tmp_path, code, *arguments):
    script = tmp_path / "script.py"
    script.write_text(code)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_fork(place, tmp_path):
    lines = run(tmp_path, FORK, place.path)
    assert lines == ["child seen: True", "child right: True", "parent right: True", "gone: True"]
    assert place.names() in ([], ["script.py"])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader(place, tmp_path, method):
    assert run(tmp_path, LOADER, place.path, method) == ["right: True"]
