"""Every error of the reference's torch functions that a program can provoke; see
test_reference_errors.py."""

from __future__ import annotations

import pathlib

import packages
import provoked
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip(packages.REFERENCE)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a file, the same for both packages."""
    monkeypatch.chdir(tmp_path)
    tensors = {"a": torch.arange(24.0).reshape(2, 3, 4), "s": torch.tensor(5)}
    packages.package(packages.REFERENCE, "torch").save_file(tensors, "m.safetensors")


def same(provoke):
    """`provoke(package, its torch module)` for both packages; the reference must refuse."""
    theirs, ours = (
        provoked.told(lambda: provoke(packages.package(name), packages.package(name, "torch")))
        for name in packages.BOTH
    )
    assert theirs[0], "the reference refuses nothing"
    assert ours == theirs


one = torch.ones(2)
whole = torch.zeros(10)
UNSAVABLE = {
    "words": {"a": "x"},
    "lists": {"a": [1.0]},
    "None": {"a": None},
    "a dict": {"a": {"b": one}},
    "no dict": [one],
    "nothing": None,
    "names that are numbers": {1: one},
    "sparse": {"a": one.to_sparse()},
    "two sparse": {"a": one.to_sparse(), "b": torch.ones(3).to_sparse(), "c": one},
    "complex128": {"a": torch.zeros(2, dtype=torch.complex128)},
    "quantised": lambda: {"a": torch.quantize_per_tensor(one, 0.1, 0, torch.qint8)},
    "meta": {"a": torch.empty(2, device="meta")},
    "transposed": {"a": torch.arange(12.0).reshape(3, 4).t()},
    "steps": {"a": torch.arange(12.0)[::2]},
    "the same": {"a": one, "b": one},
    "overlapping": {"a": whole[:6], "b": whole[3:]},
    "two pairs": {"a": one, "b": one, "c": whole[:6], "d": whole[3:]},
    "sparse and the same": {"a": one, "b": one, "c": one.to_sparse()},
    "the same, not contiguous": {"a": whole[::2], "b": whole[::2]},
}


@pytest.mark.filterwarnings("ignore")  # torch's, of sparse and quantised tensors
@pytest.mark.parametrize("name", UNSAVABLE)
def test_tensors_that_cannot_be_saved(name):
    tensors = UNSAVABLE[name]
    if callable(tensors):
        tensors = tensors()
    same(lambda _, adapter: adapter.save(tensors))
    same(lambda _, adapter: adapter.save_file(tensors, "out"))
    assert not pathlib.Path("out").exists()


@pytest.mark.parametrize("metadata", [{"k": 1}, {1: "k"}, {"k": None}, 3, [("a", "b")]], ids=repr)
def test_metadata(metadata):
    same(lambda _, adapter: adapter.save({"a": one}, metadata))
    same(lambda _, adapter: adapter.save_file({"a": one}, "out", metadata))
    same(lambda _, adapter: adapter.save_model(torch.nn.Linear(2, 2), "out", metadata))


@pytest.mark.parametrize("path", [3, None, b"x", "", "absent/x", "m.safetensors/x"], ids=repr)
def test_paths_to_save_to(path):
    same(lambda _, adapter: adapter.save_file({"a": one}, path))
    same(lambda _, adapter: adapter.save_file({"a": one}, path, {"k": 1}))
    same(lambda _, adapter: adapter.save_model(torch.nn.Linear(2, 2), path))


@pytest.mark.parametrize("path", [3, None, b"x", "", "absent", "absent/x"], ids=repr)
def test_paths_to_load_from(path):
    same(lambda _, adapter: adapter.load_file(path))
    same(lambda _, adapter: adapter.load_model(torch.nn.Linear(2, 2), path))
    same(lambda _, adapter: adapter.load_file(path, "foo"))
    same(lambda st, _: st.safe_open(path, "pt"))


@pytest.mark.parametrize("name", ["nothing", "text", "half", "dtype", "hole", "bytes behind"])
def test_headers(name):
    content = provoked.HEADERS[name]
    pathlib.Path("bad").write_bytes(content)
    same(lambda _, adapter: adapter.load(content))
    same(lambda _, adapter: adapter.load_file("bad"))
    same(lambda _, adapter: adapter.load_file("bad", backend="pread"))
    same(lambda _, adapter: adapter.load_model(torch.nn.Linear(2, 2), "bad"))


DEVICES = ["foo", "", "auto", "gpu", "cuda:x", "cuda:", "cuda:1:2", "mps:1", "mps:x", -1, 1.5, [1], b"cpu"]


@pytest.mark.parametrize("device", DEVICES, ids=repr)
def test_devices(device):
    same(lambda _, adapter: adapter.load_file("m.safetensors", device))
    same(lambda st, _: st.safe_open("m.safetensors", "pt", device))
    same(lambda _, adapter: adapter.load_model(torch.nn.Linear(2, 2), "m.safetensors", True, device))


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has such devices")
@pytest.mark.parametrize("device", ["mps", "mps:0", 0, True, "xpu:0", "npu"], ids=repr)
def test_devices_that_the_machine_lacks(device):
    same(lambda _, adapter: adapter.load_file("m.safetensors", device))
    same(lambda st, _: st.safe_open("m.safetensors", "pt", device).get_tensor("a"))
    same(lambda st, _: st.safe_open("m.safetensors", "pt", device).get_slice("a")[0])


def test_backends():
    same(lambda _, adapter: adapter.load_file("m.safetensors", backend="x"))
    same(lambda _, adapter: adapter.load_model(torch.nn.Linear(2, 2), "m.safetensors", backend=3))


INDICES = [5, -3, (0, 3), (0, 0, 0, 0), "a", 1.0, slice(None, None, -1), [5], torch.tensor([5]), slice(0, "a")]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indices(index):
    same(lambda st, _: st.safe_open("m.safetensors", "pt").get_slice("a")[index])


def test_dtypes_that_torch_lacks():
    tensor = {"a": provoked.entry("F6_E2M3", [4], 0, 3)}
    content = provoked.content(tensor, bytes(3))
    pathlib.Path("small").write_bytes(content)
    same(lambda _, adapter: adapter.load(content))
    same(lambda _, adapter: adapter.load_file("small"))
    same(lambda st, _: st.safe_open("small", "pt").get_tensor("a"))
    same(lambda st, _: st.safe_open("small", "pt").get_slice("a")[0])
    odd = {"a": provoked.entry("F4", [2, 3], 0, 3)}
    pathlib.Path("odd").write_bytes(provoked.content(odd, bytes(3)))
    same(lambda _, adapter: adapter.load_file("odd"))
    same(lambda st, _: st.safe_open("odd", "pt").get_tensor("a"))
    same(lambda st, _: st.safe_open("odd", "pt").get_tensors())


class Model(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.a = torch.nn.Parameter(weight)
        self.b = torch.nn.Linear(2, 2)


def test_models():
    def saved(adapter):
        adapter.save_model(torch.nn.Linear(2, 2), "model")

    def load(adapter, model, **options):
        saved(adapter)
        adapter.load_model(model, "model", **options)

    same(lambda _, adapter: load(adapter, Model(torch.zeros(3))))
    same(lambda _, adapter: load(adapter, torch.nn.Linear(2, 3)))
    same(lambda _, adapter: load(adapter, 3))
    same(lambda _, adapter: adapter.save_model(3, "out"))
    part = torch.zeros(10)[:6]
    same(lambda _, adapter: adapter.save_model(Model(part), "out"))
    same(lambda _, adapter: load(adapter, Model(part)))
    turned = torch.arange(6.0).reshape(2, 3).t()
    same(lambda _, adapter: adapter.save_model(Model(turned), "out", force_contiguous=False))


def test_functions_that_programs_take():
    same(lambda _, adapter: adapter._remove_duplicate_names({"a": torch.zeros(10)[:6]}))
    same(lambda _, adapter: adapter._getdtype("foo"))
    same(lambda _, adapter: adapter._end_ptr(torch.zeros(2, dtype=torch.complex128)))
    same(lambda _, adapter: adapter._flatten_as_ptr({"a": "x"}, []))
    same(lambda _, adapter: adapter._evaluate_tensors_for_save({"a": one, "b": one}))


def test_arguments_that_are_missing():
    same(lambda _, adapter: adapter.load_file())
    same(lambda _, adapter: adapter.load())
    same(lambda _, adapter: adapter.save())
    same(lambda _, adapter: adapter.save_file({"a": one}))
    same(lambda _, adapter: adapter.load_model())
