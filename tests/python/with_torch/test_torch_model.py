"""load_model into models that were made without memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import tensorhold.torch as adapter  # noqa: E402


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(5, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.head = torch.nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight


def made(factory=Tied):
    """The same model with values, and without memory."""
    torch.manual_seed(1)
    full = factory()
    with torch.device("meta"):
        empty = factory()
    return full, empty


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


def same(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert ours[name].device.type == "cpu" and torch.equal(ours[name], value), name


def test_a_model_on_meta_becomes_what_is_loaded(path):
    full, empty = made()
    adapter.save_model(full, path)
    assert adapter.load_model(empty, path) == (set(), [])
    same(empty, full)
    assert isinstance(empty.head.weight, torch.nn.Parameter) and empty.head.weight.requires_grad
    assert empty.head.weight is empty.embed.weight
    empty.head.weight.data.zero_()
    assert empty.embed.weight.sum() == 0


def test_what_is_not_on_meta_is_copied_into(path):
    full, empty = made()
    adapter.save_model(full, path)
    empty.norm = torch.nn.BatchNorm1d(3)
    kept = empty.norm.weight
    full.norm.weight.data.fill_(3.0)
    adapter.save_model(full, path)
    assert adapter.load_model(empty, path) == (set(), [])
    assert empty.norm.weight is kept and kept.tolist() == [3, 3, 3]
    same(empty, full)


def test_the_model_decides_on_the_dtype(path):
    full, empty = made(lambda: torch.nn.Linear(3, 2))
    adapter.save_model(full.half(), path)
    assert adapter.load_model(empty, path) == (set(), [])
    assert empty.weight.dtype == torch.float32
    assert torch.equal(empty.weight, full.weight.float())


def test_names_that_do_not_fit_are_told_as_of_any_model(path):
    full, empty = made()
    state = {"embed.weight": full.embed.weight.detach(), "other": torch.ones(1)}
    adapter.save_file(state, path)
    again, _ = made()
    expected = adapter.load_model(again, path, strict=False)
    got = adapter.load_model(empty, path, strict=False)
    assert got[0] == expected[0] and "norm.weight" in got[0]
    assert got[1] == expected[1] == ["other"]
    assert empty.norm.weight.device.type == "meta" and empty.embed.weight.device.type == "cpu"
    with pytest.raises(RuntimeError, match='Missing key.*"norm.weight"'):
        adapter.load_model(made()[1], path)
    with pytest.raises(RuntimeError, match="size mismatch"):
        adapter.save_file({"weight": torch.ones(4, 4), "bias": torch.ones(4)}, path)
        adapter.load_model(made(lambda: torch.nn.Linear(3, 2))[1], path)


def test_a_model_that_takes_nothing_is_an_error(path):
    class Stubborn(torch.nn.Linear):
        def _load_from_state_dict(self, *arguments, **options):
            pass

    full, empty = made(lambda: Stubborn(3, 2))
    adapter.save_model(full, path)
    with pytest.raises(RuntimeError, match=r"did not take them: \['bias', 'weight'\].*to_empty"):
        adapter.load_model(empty, path, strict=False)


def test_buffers_that_no_file_has_are_told(path):
    class Rotary(torch.nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.register_buffer("inv_freq", torch.ones(3), persistent=False)

    full, empty = made(Rotary)
    adapter.save_model(full, path)
    with pytest.warns(UserWarning, match=r"stay there: \['inv_freq'\]"):
        adapter.load_model(empty, path)
    assert torch.equal(empty.weight, full.weight)


def test_a_fake_model_says_what_it_is(path):
    from torch._subclasses.fake_tensor import FakeTensorMode

    full, _ = made(lambda: torch.nn.Linear(3, 2))
    adapter.save_model(full, path)
    with FakeTensorMode():
        model = torch.nn.Linear(3, 2)
        with pytest.raises(RuntimeError, match="FakeTensor"):
            adapter.load_model(model, path)
    with pytest.raises(RuntimeError, match="`weight` of the model is a FakeTensor"):
        adapter.load_model(model, path)
    with pytest.raises(NotImplementedError, match="`weight` is a FakeTensor"):
        adapter.save_model(model, path)
