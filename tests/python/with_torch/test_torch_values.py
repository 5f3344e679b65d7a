"""torch tensors keep their values and shapes, or the error names them: slices, saves, loads."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402

import tensorhold  # noqa: E402
import tensorhold.torch  # noqa: E402
from tensorhold.safetensors import safe_open  # noqa: E402

every = slice(None)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


# --- slices


def alike(index):
    """Whether torch and the file give the same for an index, or both an error."""
    outcomes = []
    for take in (lambda: CUBE[index], lambda: part_of_cube(index)):
        try:
            outcomes.append(take())
        except (IndexError, TypeError, ValueError):
            outcomes.append(None)
    expected, got = outcomes
    if expected is None or got is None:
        return expected is got
    return got.shape == expected.shape and torch.equal(got, expected)


CUBE = torch.arange(24).reshape(1, 4, 6)


def part_of_cube(index):
    file = tensorhold.open(tensorhold.torch.save({"a": CUBE}))
    return tensorhold.torch.part_of(file["a"], index)


FORMS = [0, -1, slice(1, 3), torch.tensor(0), torch.tensor([0]), torch.tensor([[0]]),
         torch.tensor([], dtype=torch.int64), torch.tensor([True]), torch.tensor([False]),
         torch.tensor(True), torch.tensor(False), True, False, None, ..., [0], [True], np.int64(0),
         np.array(0), np.array([0]), np.array([False]), np.bool_(True), 9, 1.5]


@pytest.mark.parametrize("index", FORMS, ids=repr)
def test_one_part_is_taken_as_torch_takes_it(index):
    assert alike(index)


def test_two_parts_are_taken_as_torch_takes_them():
    wrong = [pair for pair in itertools.product(FORMS, repeat=2) if not alike(pair)]
    assert wrong == []


class Foreign:
    """An array of a library that nobody here knows, which is an integer if it has one element."""

    def __init__(self, values):
        self.values = np.array(values)
        self.shape = self.values.shape

    def tolist(self):
        return self.values.tolist()

    def __array__(self, dtype=None, copy=None):
        return self.values

    def __index__(self):
        return int(self.values.item())


@pytest.mark.parametrize("values", [[0], [[0]], [True, False], [0, 1], [1, 0, 1], [], 1], ids=repr)
def test_arrays_of_other_libraries_are_arrays(values):
    whole = CUBE[0, :2, :2].clone()
    file = tensorhold.open(tensorhold.torch.save({"a": whole}))
    array = np.array(values, None if values != [] else np.int64)
    for index in (Foreign(array), file_of(array), torch.tensor(array), array):
        for take in (lambda part: part, lambda part: (slice(None), part), lambda part: (None, part)):
            expected = whole.numpy()[take(array)]
            for adapter in (tensorhold.torch, tensorhold.numpy):
                got = adapter.part_of(file["a"], take(index))
                assert tuple(got.shape) == expected.shape and got.tolist() == expected.tolist()


def file_of(array):
    return tensorhold.open(tensorhold.serialize({"index": array}))["index"]


@pytest.mark.parametrize("bound", [torch.tensor(1), torch.tensor([1]), np.int64(1), True], ids=repr)
def test_bounds_are_taken_as_torch_takes_them(bound):
    assert alike((0, slice(bound, None))) and alike((0, slice(None, bound)))


PACKED = torch.arange(48, dtype=torch.uint8).reshape(2, 4, 6)
needs_f4 = pytest.mark.skipif(not hasattr(torch, "float4_e2m1fn_x2"), reason="no F4 in this torch")

WHOLE = [
    ((every, every, slice(0, 4)), PACKED[:, :, 0:2]),
    ((None, every, every, slice(0, 4)), PACKED[None, :, :, 0:2]),
    ((..., slice(4, 12)), PACKED[..., 2:6]),
    ((..., None, slice(-4, None)), PACKED[..., None, 4:6]),
    ((slice(4, 8), ...), PACKED[4:8]),
    (torch.tensor([1]), PACKED[torch.tensor([1])]),
    (([1, 0], every, slice(2, 4)), PACKED[[1, 0], :, 1:2]),
    ((0, torch.tensor([True, False, True, False])), PACKED[0, torch.tensor([True, False, True, False])]),
    ((0, torch.tensor([True, False, True, False]), slice(0, 2)),
     PACKED[0, torch.tensor([True, False, True, False]), 0:1]),
    ((None, 1, 2), PACKED[None, 1, 2]),
    ((PACKED[:, :, 0] < 20, slice(0, 6)), PACKED[PACKED[:, :, 0] < 20, 0:3]),
    ((None, ..., slice(3, 3)), PACKED[None, ..., 0:0]),
    ((True, ..., slice(2, 4)), PACKED[True, ..., 1:2]),
]
PARTIAL = [
    (every, every, slice(0, 3)), (None, every, every, slice(0, 3)), (every, every, slice(1, 5)),
    (..., slice(3, 4)), (None, ..., slice(3, 4)), (..., 0), (None, ..., 0), (0, 0, 0), (None, 0, 0, -1),
    (..., slice(None, None, 2)), (None, ..., slice(0, 12, 2)), (..., torch.tensor([0, 1])),
    (..., [0, 1]), (0, 0, torch.tensor([True] * 12)), (None, ..., slice(0, 2, 2)),
]


@needs_f4
@pytest.mark.parametrize("index, expected", WHOLE, ids=repr)
def test_f4_is_sliced_in_the_unit_of_its_shape(path, index, expected):
    tensorhold.torch.save_file({"w": PACKED.view(torch.float4_e2m1fn_x2)}, path)
    with safe_open(path, "pt") as file:
        got = file.get_slice("w")[index]
    assert got.dtype == torch.float4_e2m1fn_x2
    assert got.shape == expected.shape and torch.equal(got.view(torch.uint8), expected)


@needs_f4
@pytest.mark.parametrize("index", PARTIAL, ids=repr)
def test_f4_that_ends_inside_a_byte_is_an_error_in_every_form(path, index):
    tensorhold.torch.save_file({"w": PACKED.view(torch.float4_e2m1fn_x2)}, path)
    with tensorhold.open(path) as file, pytest.raises(ValueError, match="whole bytes"):
        tensorhold.torch.part_of(file["w"], index)
    with safe_open(path, "pt") as file, pytest.raises(Exception, match="whole bytes"):
        file.get_slice("w")[index]


# --- saves


def saves(path):
    """Every way to a file, as functions of a name and a tensor."""
    module = type("Model", (torch.nn.Module,), {})()

    def save_model(name, tensor):
        module.register_buffer(name.replace(".", "_"), tensor)
        tensorhold.torch.save_model(module, path)

    def overwrite(name, tensor):
        tensorhold.save(path, {name: ("F32", tuple(tensor.shape), bytes(4 * tensor.numel()))})
        tensorhold.overwrite(path, name, tensor)

    def write(name, tensor):
        with tensorhold.Writer(path, {name: ("F32", tuple(tensor.shape))}) as writer:
            writer.write(name, tensor)

    fine = torch.zeros(2)
    return {
        "save": lambda name, tensor: tensorhold.torch.save({"fine": fine, name: tensor}),
        "save_file": lambda name, tensor: tensorhold.torch.save_file({"fine": fine, name: tensor}, path),
        "copies": lambda name, tensor: tensorhold.torch.save(
            {"fine": fine, name: tensor}, shared="copy", contiguous="copy"),
        "save_model": save_model,
        "native": lambda name, tensor: tensorhold.save(path, {"fine": fine, name: tensor}),
        "serialize": lambda name, tensor: tensorhold.serialize({name: tensor}),
        "overwrite": overwrite,
        "write": write,
    }


WAYS = list(saves(""))


def shrunk(elements, kept, shape=None):
    tensor = torch.ones(elements)
    tensor = tensor if shape is None else tensor.reshape(shape).t()
    tensor.untyped_storage().resize_(kept)
    return tensor


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("elements, kept", [(4096, 0), (16 << 20, 4096), (1000, 400), (1000, 3999)])
def test_a_tensor_whose_storage_is_shorter_is_refused_by_name(path, way, elements, kept):
    name = "layer_7" if way == "save_model" else "layer.7.weight"
    with pytest.raises(ValueError, match=rf"`{name}` needs {4 * elements} bytes.*holds {kept} of them"):
        saves(path)[way](name, shrunk(elements, kept))


def test_a_view_that_is_not_contiguous_is_refused_before_it_is_packed(path):
    for way in ("save_model", "copies", "native", "serialize"):
        with pytest.raises(ValueError, match="`layer_7` needs"):
            saves(path)[way]("layer_7", shrunk(1 << 20, 4096, (1024, 1024)))


def test_what_the_storage_holds_is_saved_from_its_middle():
    whole = torch.arange(100.0)
    part = whole[20:40]
    whole.untyped_storage().resize_(160)
    assert tensorhold.torch.load(tensorhold.torch.save({"a": part}))["a"].tolist() == list(range(20, 40))
    whole.untyped_storage().resize_(159)
    with pytest.raises(ValueError, match="`a` needs 160 bytes.*holds 159"):
        tensorhold.torch.save({"a": part})


def test_numpy_arrays_of_such_memory_are_refused(path):
    array = shrunk(4096, 0).numpy()
    grown = np.ones(4096)
    view = grown[:]
    grown.resize(1, refcheck=False)
    beyond = np.lib.stride_tricks.as_strided(np.ones(4), (4096,), (8,))
    for bad in (array, array[::2], view, beyond):
        for attempt in (lambda: tensorhold.numpy.save({"layer.7": bad}),
                        lambda: tensorhold.save(path, {"layer.7": bad}),
                        lambda: tensorhold.serialize({"layer.7": bad})):
            with pytest.raises(ValueError, match="`layer.7` needs"):
                attempt()
    kept = np.arange(10.0)
    windows = np.lib.stride_tricks.as_strided(kept[2:4], (3, 2), (8, 8))  # within what kept holds
    assert tensorhold.numpy.load(tensorhold.numpy.save({"a": windows}))["a"].tolist() == windows.tolist()
    assert tensorhold.numpy.load(tensorhold.numpy.save({"a": kept[::-2].T}))["a"].tolist() == [9, 7, 5, 3, 1]


class Wrapped(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return Wrapped(args[0].inner)


class DTensor(Wrapped):
    """By its name, as the check looks for it where torch.distributed is not built in."""


class Quantised(Wrapped):
    def dequantize(self):
        return self.inner


def fake():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.ones(3)


VALUELESS = {
    "meta": (lambda: torch.empty(3, device="meta"), "is on the meta device"),
    "fake": (fake, "is a FakeTensor"),
    "wrapper": (lambda: Wrapped(torch.ones(3)), "is a Wrapped.*stands for: inner"),
    "distributed": (lambda: DTensor(torch.ones(3)), r"full_tensor\(\).*to_local\(\)"),
    "quantised subclass": (lambda: Quantised(torch.ones(3)), r"dequantize\(\).*inner"),
    "lazy": (lambda: torch.nn.UninitializedBuffer(), "has no shape yet"),
    "quantised": (lambda: torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.qint8),
                  r"quantised.*dequantize\(\)"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]), "nested"),
}


@pytest.mark.parametrize("kind", VALUELESS)
@pytest.mark.parametrize("way", ["save", "save_file", "copies", "native", "serialize"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_what_has_no_values_is_refused_by_name(path, kind, way):
    make, why = VALUELESS[kind]
    with pytest.raises((ValueError, NotImplementedError), match=f"(?s)`layer.7.weight`.*{why}"):
        saves(path)[way]("layer.7.weight", make())


def test_a_dtype_that_the_format_lacks_is_refused_by_name():
    for save in (tensorhold.torch.save, tensorhold.serialize):
        with pytest.raises(KeyError, match="complex128 of tensor `layer.7`"):
            save({"layer.7": torch.ones(2, dtype=torch.complex128)})


def test_nothing_is_saved_or_loaded_in_fake_tensor_mode(path):
    from torch._subclasses.fake_tensor import FakeTensorMode

    content = tensorhold.torch.save({"a": torch.ones(2)})
    tensorhold.torch.save_file({"a": torch.ones(2)}, path)
    real = torch.ones(2)
    with FakeTensorMode():
        with safe_open(path, "pt") as file:
            for attempt in (lambda: tensorhold.torch.load(content), lambda: tensorhold.torch.load_file(path),
                            lambda: tensorhold.torch.save({"a": real}), lambda: file.get_tensor("a"),
                            lambda: file.get_slice("a")[0:1], lambda: file.get_slice("a")[None],
                            lambda: tensorhold.serialize({"a": real})):
                with pytest.raises(RuntimeError, match="FakeTensorMode is active"):
                    attempt()
    assert tensorhold.torch.load(content)["a"].tolist() == [1, 1]


# --- what the reference package refuses, copied on request


def test_shared_and_strided_tensors_are_copied_when_asked(path):
    whole = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": whole, "b": whole, "row": whole[1], "t": whole.t()}
    with pytest.raises(RuntimeError, match="share memory"):
        tensorhold.torch.save(tensors, contiguous="copy")
    with pytest.raises(ValueError, match="non contiguous tensor: `t`"):
        tensorhold.torch.save(tensors, shared="copy")
    tensorhold.torch.save_file(tensors, path, shared="copy", contiguous="copy")
    loaded = tensorhold.torch.load_file(path)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    for wrong in ({"shared": "keep"}, {"contiguous": True}):
        with pytest.raises(ValueError, match='expected one of: "error", "copy"'):
            tensorhold.torch.save({"a": whole}, **wrong)


def test_metadata_comes_with_the_tensors(path):
    for notes in ({"format": "pt"}, None):
        tensorhold.torch.save_file({"a": torch.ones(2)}, path, notes)
        tensors, metadata = tensorhold.torch.load_file(path, with_metadata=True)
        assert metadata == notes and tensors["a"].tolist() == [1, 1]


# --- imports by DLPack


def test_two_imports_of_a_tensor_do_not_share_memory(saved):
    path = saved({"a": ("F32", (64,), bytes(256))}, align=64)
    with tensorhold.open(path, access="mapped") as file:
        tensor = file["a"]
        imports = [np.from_dlpack(tensor), torch.from_dlpack(tensor), torch.from_dlpack(file["a"]),
                   tensorhold.torch.tensors_of(file)["a"], np.asarray(file.writable("a")),
                   np.frombuffer(file.writable("a").raw, np.float32)]
        for place, one in enumerate(imports[:3]):
            one[:] = place + 1
        assert [one[0].item() for one in imports[:3]] == [1, 2, 3]
        # Those who ask for writable pages share them, but not with an import that is alive.
        imports[3][:] = 9
        assert [one[0].item() for one in imports[:3]] == [1, 2, 3] and tensor.tolist() == [0] * 64


def test_an_import_shares_again_when_the_other_is_gone():
    code = """
import gc, sys, numpy, torch, tensorhold
with tensorhold.open(sys.argv[1], access="mapped") as file:
    tensor = file["a"]
    where = lambda one: one.__array_interface__["data"][0]
    first = numpy.from_dlpack(tensor); place = where(first)
    assert where(numpy.from_dlpack(tensor)) != place
    del first; gc.collect()
    assert where(numpy.from_dlpack(tensor)) == place
    view = file.writable("a")
    assert where(numpy.from_dlpack(view)) == place != where(numpy.from_dlpack(tensor))
    kept = view.raw
    del view; gc.collect()
    assert where(numpy.from_dlpack(tensor)) != place
    del kept; gc.collect()
    assert where(numpy.from_dlpack(tensor)) == place
    loaded = tensorhold.torch.tensors_of(file)
    assert where(numpy.from_dlpack(tensor)) != place
print("done")
"""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        tensorhold.save(file.name, {"a": ("F32", (64,), bytes(256))}, align=64)
        ran = subprocess.run([sys.executable, "-c", code, file.name], capture_output=True, text=True)
    assert ran.stdout == "done\n", ran.stderr
