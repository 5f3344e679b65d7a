"""docs/compat.md: its rows name tests that exist, and those that nothing else tests are tested here."""

from __future__ import annotations

import array
import pathlib
import re
import warnings

import packages
import pytest

import tensorhold

ROOT = pathlib.Path(__file__).parents[3]
TEXT = (ROOT / "docs/compat.md").read_text(encoding="utf-8")


def tables():
    """The tables, each as its rows of cells, the heading first."""
    found = re.findall(r"^\|.*\n\| ---.*\n(?:\|.*\n?)+", TEXT, re.M)
    rows = [[[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] for table in found]
    return [[table[0], *table[2:]] for table in rows]


TABLES = tables()
NAMED = sorted({name for table in TABLES if table[0][-1] == "Test" for row in table[1:]
                for name in re.findall(r"`([^`]+)`", row[-1])})


def test_every_row_has_the_cells_of_its_table_and_names_a_test():
    assert len(TABLES) >= 5 and len(NAMED) >= 30
    for table in TABLES:
        for row in table[1:]:
            assert len(row) == len(table[0]) and all(row), row
            # What a table of other software only is, the table after it draws conclusions from.
            if table[0][-1] == "Test":
                assert re.fullmatch(r"`[^`]+::[^`]+`(, `[^`]+::[^`]+`)*", row[-1]), row


@pytest.mark.parametrize("named", NAMED)
def test_the_test_that_a_row_names_exists(named):
    file, _, name = named.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".cpp"):
        suite, _, case = name.partition(".")
        assert re.search(rf"^TEST(_F|_P)?\({suite}, {case}\)", text, re.M), named
    else:
        assert re.search(rf"^ *def {name}\(", text, re.M), named


# --- rows


def test_small_floats_survive_a_file(tmp_path):
    np = pytest.importorskip("numpy")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name in ("float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "bfloat16"):
        values = np.array([1, 2, 0.5], getattr(ml_dtypes, name))
        np.save(tmp_path / "array.npy", values)
        if name == "float8_e5m2":
            with pytest.raises(ValueError, match="dtype descriptor"):
                np.load(tmp_path / "array.npy")
        else:
            assert np.load(tmp_path / "array.npy").dtype.kind == "V"
        tensorhold.save(tmp_path / "array.safetensors", {"a": values})
        loaded = np.asarray(tensorhold.open(tmp_path / "array.safetensors")["a"])
        assert loaded.dtype == values.dtype and loaded.tolist() == values.tolist()


def test_a_pending_negation_is_saved_and_exported_otherwise():
    np = pytest.importorskip("numpy")
    torch = pytest.importorskip("torch")
    part = torch.tensor([1 + 2j]).conj().imag
    assert part.is_neg() and part.tolist() == [-2]
    assert np.from_dlpack(part).tolist() == [2]
    with pytest.raises(BufferError):
        np.from_dlpack(torch.tensor([1 + 2j]).conj())
    for content in (tensorhold.serialize({"a": part}), tensorhold.torch.save({"a": part})):
        assert tensorhold.open(content)["a"].tolist() == [-2]


def test_torch_writes_into_what_is_read_only(saved):
    np = pytest.importorskip("numpy")
    torch = pytest.importorskip("torch")
    values = np.arange(64.0)
    values.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.asarray(values)[0] = 8
        torch.from_dlpack(values)[1] = 9
    assert values[:3].tolist() == [8, 9, 2]
    path = saved({"a": np.arange(64.0)}, align=64)
    before = path.read_bytes()
    with tensorhold.open(path, access="mapped") as file:
        tensor = file["a"]
        first = torch.from_dlpack(tensor)
        first[:] = 7
        second = torch.from_dlpack(tensor)
        second[:] = 8
        assert set(first.tolist()) == {7}
    assert path.read_bytes() == before


def test_torch_sees_buffers_without_their_dtype(saved):
    torch = pytest.importorskip("torch")
    assert torch.asarray(array.array("i", [1, 2])).dtype == torch.float32
    path = saved({"a": ("I32", (1, 2), bytes([1, 0, 0, 0, 2, 0, 0, 0]))})
    with tensorhold.open(path) as file:
        assert torch.from_dlpack(file["a"]).tolist() == [[1, 2]]
        assert tensorhold.torch.tensors_of(file)["a"].tolist() == [[1, 2]]


@pytest.mark.filterwarnings("ignore")
def test_what_consolidation_makes_of_scalars_and_complex_numbers(tmp_path):
    torch = pytest.importorskip("torch")
    packages.package(packages.REFERENCE)
    checkpoint = pytest.importorskip("torch.distributed.checkpoint")

    def written(name, tensors):
        folder = tmp_path / name
        writer = checkpoint.HuggingFaceStorageWriter(
            str(folder), fqn_to_index_mapping=dict.fromkeys(tensors, 1), save_distributed=True,
            enable_consolidation=True)
        checkpoint.save(tensors, storage_writer=writer, no_dist=True)
        return next(folder.glob("*.safetensors")), next(folder.glob("sharded/*.safetensors"))

    whole, shard = written("scalar", {"a": torch.tensor(1.5), "b": torch.ones(2)})
    with tensorhold.open(whole) as file, tensorhold.open(shard) as other:
        assert file["a"].item() == 0 and other["a"].item() == 1.5
        assert file["b"].tolist() == other["b"].tolist() == [1, 1]
        assert file.metadata is None
    whole, shard = written("complex", {"a": torch.tensor([1 + 2j, 3 + 4j])})
    with pytest.raises(ValueError) as caught:
        tensorhold.open(whole)
    assert (caught.value.code, caught.value.tensor) == ("size_mismatch", "a")
    assert tensorhold.open(shard)["a"].tolist() == [1 + 2j, 3 + 4j]
