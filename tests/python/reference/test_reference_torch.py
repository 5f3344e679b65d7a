"""The same assertions on the reference package's torch functions and on the drop-in's."""

from __future__ import annotations

import inspect
import pickle
from collections import OrderedDict

import packages
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


@pytest.fixture(params=packages.BOTH)
def st(request):
    return packages.package(request.param)


@pytest.fixture(params=packages.BOTH)
def st_torch(request):
    return packages.package(request.param, "torch")


def core_of(st_torch):
    return packages.package(st_torch.__name__.removesuffix(".torch"))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


BYTES = torch.arange(64, dtype=torch.uint8).reshape(4, 16)
DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 complex64 "
    "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2"
).split()
TENSORS = {name: BYTES.clone().view(getattr(torch, name)) for name in DTYPES}
TENSORS["bool"] = torch.tensor([[True, False]])
TENSORS["scalar"] = torch.tensor(3.5)
TENSORS["empty"] = torch.zeros(3, 0, 2)


def raw(tensor):
    return bytes(tensor.contiguous().flatten().view(torch.uint8).tolist())


def same(left, right):
    assert set(left) == set(right)
    for name, tensor in left.items():
        assert tensor.dtype == right[name].dtype, name
        assert tensor.shape == right[name].shape, name
        assert tensor.stride() == right[name].stride() or tensor.numel() <= 1, name
        if tensor.numel():
            assert raw(tensor) == raw(right[name]), name


def test_round_trip(st, st_torch, path):
    content = st_torch.save(TENSORS)
    assert type(content) is bytes
    assert st_torch.save_file(TENSORS, path) is None
    with open(path, "rb") as file:
        assert file.read() == content
    loaded = st_torch.load_file(path)
    same(loaded, TENSORS)
    with st.safe_open(path, "pt") as file:
        assert list(loaded) == file.offset_keys()
        for name, tensor in TENSORS.items():
            same({name: file.get_tensor(name)}, {name: tensor})
        same(file.get_tensors(), TENSORS)
    for name in ("pt", "torch", "pytorch"):
        assert st.safe_open(path, name).get_tensor("scalar") == 3.5


def test_load_of_bytes(st_torch):
    few = {k: v for k, v in TENSORS.items() if k not in ("float8_e8m0fnu", "float4_e2m1fn_x2")}
    same(st_torch.load(st_torch.save(few)), few)
    assert st_torch.load(st_torch.save({})) == {}


def test_functions_pickle(st_torch):
    for name in ("load", "load_file", "load_model", "save", "save_file", "save_model"):
        function = getattr(st_torch, name)
        assert pickle.loads(pickle.dumps(function)) == function
        assert function.__module__ == st_torch.__name__ and function.__name__ == name


def test_native_functions_pickle(path):
    ours = packages.package("tensorhold", "torch")
    for name in ours.__all__:
        again = pickle.loads(pickle.dumps(getattr(ours, name)))
        assert again.__name__ == name
    pickle.loads(pickle.dumps(ours.save_file))({"a": torch.ones(2)}, path)
    assert pickle.loads(pickle.dumps(ours.load_file))(path)["a"].tolist() == [1, 1]


def test_both_ways(path):
    ours = packages.package(packages.OURS, "torch")
    reference = packages.package(packages.REFERENCE, "torch")
    assert ours.save(TENSORS) == reference.save(TENSORS)
    ours.save_file(TENSORS, path, {"format": "pt"})
    same(reference.load_file(path), TENSORS)
    reference.save_file(TENSORS, path, {"format": "pt"})
    same(ours.load_file(path), TENSORS)


def test_one_storage_each(st_torch, path):
    st_torch.save_file(TENSORS, path)
    for tensor in st_torch.load_file(path).values():
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        assert tensor.storage_offset() == 0
        assert not tensor.requires_grad
    assert st_torch._find_shared_tensors(st_torch.load_file(path)).count({"float32"}) == 1


def test_loaded_tensors_may_be_written(st_torch, path):
    st_torch.save_file({"a": torch.arange(6.0), "b": torch.arange(3.0)}, path)
    with open(path, "rb") as file:
        before = file.read()
    loaded = st_torch.load_file(path)
    loaded["a"].mul_(-1)
    loaded["a"].resize_(2)
    assert loaded["b"].tolist() == [0, 1, 2]
    assert st_torch.load_file(path)["a"].tolist() == [0, 1, 2, 3, 4, 5]
    with open(path, "rb") as file:
        assert file.read() == before


def test_devices_and_backends(st, st_torch, path):
    st_torch.save_file({"a": torch.ones(2)}, path)
    for device in ("cpu", None):
        assert st_torch.load_file(path, device)["a"].device.type == "cpu"
    assert st_torch.load_file(path, device="cpu", backend="pread")["a"].tolist() == [1, 1]
    for device in ("foo", "", "auto", -1, 1.5):
        with pytest.raises(core_of(st_torch).SafetensorError, match=f"device {device} is invalid"):
            st_torch.load_file(path, device)
    with pytest.raises(core_of(st_torch).SafetensorError, match='backend "x" is invalid'):
        st_torch.load_file(path, backend="x")
    if not torch.cuda.is_available():
        for device in ("cuda", "cuda:0", 0, "mps"):
            file = st.safe_open(path, "pt", device=device)
            with pytest.raises(Exception):
                file.get_tensor("a")


def test_wrong_arguments(st_torch, path):
    a = torch.ones(2)
    for tensors in ({"a": "x"}, {"a": [1.0]}, [a]):
        with pytest.raises(ValueError, match="but received"):
            st_torch.save(tensors)
    with pytest.raises(ValueError, match="save a sparse tensors: `\\['a'\\]`"):
        st_torch.save({"a": a.to_sparse()})
    with pytest.raises(TypeError, match="argument 'metadata'"):
        st_torch.save_file({"a": a}, path, {"k": 1})
    with pytest.raises(TypeError):
        st_torch.save_file({1: a}, path)
    with pytest.raises(TypeError):
        st_torch.save_file({"a": a}, path.encode())
    with pytest.raises(TypeError):
        st_torch.load("text")
    with pytest.raises(KeyError):
        st_torch.save({"a": torch.zeros(2, dtype=torch.complex128)})
    with pytest.raises(NotImplementedError):
        st_torch.save({"a": torch.empty(2, device="meta")})
    error = core_of(st_torch).SafetensorError
    with pytest.raises(error, match="Error while serializing: I/O error: "):
        st_torch.save_file({"a": a}, path + "/nowhere/x")
    with pytest.raises(FileNotFoundError):
        st_torch.load_file(path + ".absent")
    assert st_torch.save(OrderedDict(a=a)) == st_torch.save({"a": a})


def test_not_contiguous(st_torch):
    a = torch.arange(12.0).reshape(3, 4)
    images = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)
    for tensor in (a.t(), a[:, ::2], a.expand(2, 3, 4), torch.zeros(1).expand(4), images):
        with pytest.raises(ValueError, match="save a non contiguous tensor: `a` which is not allowed"):
            st_torch.save({"a": tensor})


def test_shared_memory(st_torch):
    a = torch.arange(12.0).reshape(3, 4)
    for other in (a, a[1:], a.view(4, 3), a[:1]):
        with pytest.raises(RuntimeError, match="Some tensors share memory, this will lead to"):
            st_torch.save({"a": a, "b": other})
    with pytest.raises(RuntimeError, match="Some tensors share memory"):
        st_torch.save({"a": a[:2], "b": a[1:]})
    # Parts of one storage that do not overlap are no shared memory.
    parts = st_torch.load(st_torch.save({"a": a[:1], "b": a[1:]}))
    assert torch.equal(torch.cat([parts["a"], parts["b"]]), a)
    assert len(st_torch.load(st_torch.save({"a": torch.zeros(0), "b": torch.zeros(0)}))) == 2


def groups(found):
    return sorted(sorted(group) for group in found)


def test_find_shared(st_torch):
    z = torch.zeros(10)
    found = st_torch._find_shared_tensors(
        {
            "a": z[:6],
            "b": z[3:],
            "none": torch.zeros(0),
            "alone": torch.zeros(1),
            "meta": torch.empty(1, device="meta"),
            "meta too": torch.empty(1, device="meta"),
        }
    )
    assert groups(found) == [["a", "b"], ["alone"]]
    assert groups(st_torch._find_shared_tensors({"a": z[:6], "b": z[6:]})) == [["a"], ["b"]]
    assert st_torch._is_complete(z) and st_torch._is_complete(z.view(2, 5).t())
    assert not st_torch._is_complete(z[:5]) and not st_torch._is_complete(z[5:])
    assert st_torch.storage_ptr(z[3:]) == z.data_ptr()
    assert st_torch.storage_size(z[3:]) == 40
    assert st_torch._end_ptr(z[3:5]) == z.data_ptr() + 20
    assert st_torch._SIZE[torch.bfloat16] == 2
    assert st_torch._TYPES["BF16"] == st_torch._getdtype("BF16") == torch.bfloat16
    with pytest.raises(KeyError):
        st_torch._getdtype("foo")


def test_remove_duplicates(st_torch):
    remove = st_torch._remove_duplicate_names
    z = torch.zeros(10)
    tied = {"a": z, "b": z, "c": z[:5], "d": torch.zeros(1)}
    assert remove(tied) == {"a": ["b", "c"]}
    assert remove(tied, preferred_names=["b", "c"]) == {"b": ["a", "c"]}
    assert remove(tied, discard_names=["a"]) == {"b": ["a", "c"]}
    assert remove(tied, discard_names=["a", "b"]) == {"a": ["b", "c"]}
    assert remove({"d": torch.zeros(1)}) == {}
    for state in ({"a": z[:6], "b": z[3:]}, {"a": z[:6]}):
        with pytest.raises(RuntimeError, match="found no suitable name to keep for saving amongst"):
            remove(state)


class Model(nn.Module):
    def __init__(self, tied=True):
        super().__init__()
        self.a = nn.Linear(4, 4, bias=False)
        self.b = nn.Linear(4, 4, bias=False)
        self.register_buffer("c", torch.zeros(3))
        if tied:
            self.b.weight = self.a.weight


def test_model(st, st_torch, path):
    model, other = Model(), Model()
    assert st_torch.save_model(model, path) is None
    with st.safe_open(path, "pt") as file:
        assert file.keys() == ["a.weight", "c"]
        assert file.metadata() == {"b.weight": "a.weight"}
    assert st_torch.load_model(other, path) == (set(), [])
    assert torch.equal(other.b.weight, model.a.weight)
    with pytest.raises(RuntimeError) as raised:
        st_torch.load_model(Model(tied=False), path)
    assert str(raised.value) == (
        "Error(s) in loading state_dict for Model:\n"
        '    Missing key(s) in state_dict: "b.weight"'
    )
    assert st_torch.load_model(Model(tied=False), path, strict=False) == ({"b.weight"}, [])
    given = {"format": "pt", "b.weight": "mine"}
    st_torch.save_model(model, path, given)
    with st.safe_open(path, "pt") as file:
        assert file.metadata() == given


def test_model_with_other_keys(st_torch, path):
    state = {"a.weight": torch.ones(4, 4), "x": torch.ones(1), "y": torch.ones(1)}
    st_torch.save_file(state, path)
    with pytest.raises(RuntimeError) as raised:
        st_torch.load_model(Model(), path)
    assert str(raised.value) == (
        "Error(s) in loading state_dict for Model:\n"
        '    Missing key(s) in state_dict: "c"\n'
        '    Unexpected key(s) in state_dict: "x", "y"'
    )
    missing, unexpected = st_torch.load_model(Model(), path, False)
    assert missing == {"c"} and sorted(unexpected) == ["x", "y"]
    st_torch.save_file({"a.weight": torch.zeros(4, 5), "c": torch.zeros(3)}, path)
    with pytest.raises(RuntimeError, match="size mismatch for a.weight"):
        st_torch.load_model(Model(), path)
    st_torch.save_model(Model(tied=False), path)
    with pytest.raises(RuntimeError, match='Unexpected key\\(s\\) in state_dict: "b.weight"'):
        st_torch.load_model(Model(), path)


def test_model_not_contiguous(st_torch, path):
    model = Model(tied=False)
    model.a.weight = nn.Parameter(torch.randn(4, 4).t())
    with pytest.raises(ValueError, match="Or use save_model\\(..., force_contiguous=True\\)"):
        st_torch.save_model(model, path, force_contiguous=False)
    st_torch.save_model(model, path)
    other = Model(tied=False)
    st_torch.load_model(other, path, device="cpu")
    assert torch.equal(other.a.weight, model.a.weight)


def test_model_of_parts(st_torch, path):
    class Parts(nn.Module):
        def __init__(self, begin):
            super().__init__()
            whole = torch.zeros(10)
            self.w = nn.Parameter(whole[:6])
            self.v = nn.Parameter(whole[begin:])

    for begin in (3, 6):
        with pytest.raises(RuntimeError, match="found no suitable name to keep"):
            st_torch.save_model(Parts(begin), path)


@pytest.fixture
def part(st, path):
    tensors = {"a": torch.arange(24.0).reshape(2, 3, 4), "z": torch.tensor(5)}
    packages.package(packages.OURS, "torch").save_file(tensors, path)
    return st.safe_open(path, "pt").get_slice("a"), tensors["a"]


def test_slices(part):
    got, tensor = part
    assert got.get_shape() == [2, 3, 4] and got.get_dtype() == "F32"
    for index in (
        slice(None),
        0,
        -1,
        (0, 1),
        (1, 2, 3),
        (slice(None), slice(None, None, 2)),
        slice(0, 50),
        slice(2, 1),
        slice(-1, None),
        slice(3, 5),
        ...,
        (..., 0),
        (0, ..., 1),
        (),
        None,
        (slice(None), None),
        torch.tensor([1, 0]),
        ([0], slice(None)),
        [True, False],
    ):
        assert torch.equal(got[index], tensor[index]), index


def test_slices_that_are_none(part):
    got, tensor = part
    for index in (5, (0, 3), -3, (0, 0, 0, 0), slice(None, None, -1), slice(None, None, 0), 1.0):
        with pytest.raises(Exception) as theirs:
            tensor[index]
        with pytest.raises(type(theirs.value)) as raised:
            got[index]
        assert str(raised.value) == str(theirs.value)


def test_slices_of_a_scalar(st, path, part):
    got = st.safe_open(path, "pt").get_slice("z")
    assert got[...] == 5 and got[()] == 5
    for index in (0, slice(None)):
        with pytest.raises(IndexError):
            got[index]


def test_signatures():
    ours = packages.package(packages.OURS, "torch")
    reference = packages.package(packages.REFERENCE, "torch")
    for name in (
        "load load_file load_model save save_file save_model _remove_duplicate_names storage_ptr "
        "storage_size"
    ).split():
        theirs = inspect.signature(getattr(reference, name)).parameters
        have = inspect.signature(getattr(ours, name)).parameters
        for parameter in theirs.values():
            assert have[parameter.name].kind == parameter.kind, (name, parameter)
            assert have[parameter.name].default == parameter.default, (name, parameter)
