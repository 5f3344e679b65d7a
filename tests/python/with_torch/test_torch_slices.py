"""Slices of the drop-in with torch: views in the pages that get_tensor gives, as the reference's."""

import os
import pathlib

import pytest

import tensorhold

torch = pytest.importorskip("torch")

import tensorhold.torch  # noqa: E402
from tensorhold.safetensors import safe_open  # noqa: E402

W = torch.arange(60_000.0).reshape(100, 200, 3)
OTHER = torch.arange(5, dtype=torch.int64)
# Integers and ranges, of which torch gives views, also of what does not lie together.
VIEWS = [
    slice(None), ..., (), 0, -1, slice(10, 20), (3, slice(5, 9)), (3, 5), (3, 5, 1), slice(0, 0),
    (slice(None), slice(7, 100)), slice(None, None, 7), (..., 1), (slice(2, 90, 5), ..., slice(0, 2)), None,
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    tensorhold.torch.save_file({"w": W, "other": OTHER}, path)
    return path


def is_mapped(path):
    return str(path) in pathlib.Path("/proc/self/maps").read_text()


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="no /proc")


@pytest.mark.parametrize("index", VIEWS, ids=repr)
def test_a_slice_is_the_view_that_torch_has_of_the_tensor(path, index):
    with safe_open(path, "pt", access="mapped") as file:
        whole, part = file.get_tensor("w"), file.get_slice("w")[index]
        wanted = whole[index]
        assert torch.equal(part, W[index]) and part.dtype == W.dtype
        assert part.stride() == wanted.stride() and part.storage_offset() == wanted.storage_offset()
        assert part.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
        assert part.untyped_storage().nbytes() == W.nbytes  # not of the file


@pytest.mark.parametrize("index", [[0, 2], torch.tensor([5, 1]), W[:, :, 0] > 500], ids=["list", "tensor", "mask"])
def test_other_indices_give_copies(path, index):
    with safe_open(path, "pt", access="mapped") as file:
        part = file.get_slice("w")[index]
        assert torch.equal(part, W[index])
        part.zero_()
        assert torch.equal(file.get_tensor("w"), W)


def test_what_is_written_reaches_views_of_the_same_open_and_nothing_else(path):
    before = path.read_bytes()
    with safe_open(path, "pt", access="mapped") as file, safe_open(path, "pt", access="mapped") as second:
        file.get_slice("w")[10:20].fill_(-1)
        file.get_slice("w")[:, 0, ::2].fill_(-2)
        changed = W.clone()
        changed[10:20] = -1
        changed[:, 0, ::2] = -2
        assert torch.equal(file.get_tensor("w"), changed) and torch.equal(file.get_slice("w")[...], changed)
        assert torch.equal(file.get_tensor("other"), OTHER)
        assert torch.equal(second.get_tensor("w"), W) and torch.equal(second.get_slice("w")[9:21], W[9:21])
    assert path.read_bytes() == before


@needs_proc
def test_slices_are_holders_until_the_last_is_dropped(path):
    with safe_open(path, "pt", access="mapped", label="loader") as file:
        rows, column = file.get_slice("w")[3:5], file.get_slice("w")[:, 1]
    assert is_mapped(path)
    found = [(h.tensor, h.label, h.how) for h in tensorhold.holders(path) if h.own and h.tensor]
    assert found == [("w", "loader", "mapped")]
    del rows
    assert is_mapped(path)
    del column
    assert not is_mapped(path)
    assert not [h for h in tensorhold.holders(path) if h.own]


@needs_proc
def test_a_release_keeps_address_and_values(path):
    with safe_open(path, "pt", access="mapped") as file:
        part = file.get_slice("w")
        rows, column, written = part[3:5], part[:, 1], part[50:60]
        written.mul_(2)
        addresses = [tensor.data_ptr() for tensor in (rows, column, written)]
        tensorhold.release(path)
        assert not is_mapped(path)
        os.unlink(path)
        assert [tensor.data_ptr() for tensor in (rows, column, written)] == addresses
        assert torch.equal(rows, W[3:5]) and torch.equal(written, W[50:60] * 2)
        assert torch.equal(column[:50], W[:50, 1]) and torch.equal(column[50:60], W[50:60, 1] * 2)
        rows.zero_()
        # Of a file that was let go, slices are copies of what it had.
        assert torch.equal(part[3:5], W[3:5])


def test_a_save_over_the_file_keeps_slices(path):
    with safe_open(path, "pt", access="mapped") as file:
        rows = file.get_slice("w")[3:50]
    tensorhold.torch.save_file({"w": rows}, path)
    tensorhold.torch.save_file({"w": torch.zeros(3)}, path)
    assert torch.equal(rows, W[3:50])


@needs_proc
def test_after_the_file_was_closed_slices_are_copies(path):
    with safe_open(path, "pt", access="mapped") as file:
        part = file.get_slice("w")
    rows, again = part[3:5], part[3:5]
    rows.zero_()
    assert torch.equal(again, W[3:5])
    del part
    assert not is_mapped(path)


@needs_proc
def test_with_owned_access_slices_are_copies(path):
    with safe_open(path, "pt", access="owned") as file:
        rows, again = file.get_slice("w")[3:5], file.get_slice("w")[3:5]
        rows.zero_()
        assert torch.equal(again, W[3:5]) and torch.equal(file.get_tensor("w"), W)
    assert not is_mapped(path)


def test_pages_that_an_import_has_for_itself_are_not_shared(path):
    with tensorhold.open(path, access="mapped") as file:
        imported = torch.from_dlpack(file["w"])
        part = tensorhold.torch.part_of(file["w"], slice(3, 5))
        part.zero_()
        assert torch.equal(imported, W)
        del imported
        view = tensorhold.torch.part_of(file["w"], slice(3, 5))
        taken = torch.from_dlpack(file["w"])  # while others have the pages
        view.zero_()
        assert torch.equal(taken, W)


@needs_proc
def test_data_that_the_file_did_not_align_are_copied(tmp_path):
    header = b'{"w":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}'
    header += b" " * (7 - len(header) % 8)
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + W.flatten()[:8].numpy().tobytes())
    with safe_open(path, "pt", access="mapped") as file:
        rows = file.get_slice("w")[1:3]
        assert torch.equal(rows, W.flatten()[:8].reshape(4, 2)[1:3])
    assert not is_mapped(path)


SMALL = [name for name in ("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float4_e2m1fn_x2")
         if hasattr(torch, name)]


@pytest.mark.parametrize("name", ["bfloat16", "bool", "complex64", *SMALL])
def test_slices_of_every_kind_of_dtype_are_views(tmp_path, name):
    dtype = getattr(torch, name)
    bits = torch.arange(64, dtype=torch.uint8).remainder(2 if name == "bool" else 64).reshape(2, 32)
    saved = bits.view(dtype)
    path = tmp_path / "small.safetensors"
    tensorhold.torch.save_file({"w": saved}, path)
    with safe_open(path, "pt", access="mapped") as file:
        whole, row = file.get_tensor("w"), file.get_slice("w")[1]
        assert row.dtype == dtype and row.data_ptr() == whole[1:].data_ptr()
        assert torch.equal(row.view(torch.uint8), bits[1])
        assert torch.equal(file.get_slice("w")[None][0].view(torch.uint8), bits)


def test_to_another_device_slices_are_copied(path):
    with safe_open(path, "pt", "meta", access="mapped") as file:
        part = file.get_slice("w")[3:5]
        assert part.device.type == "meta" and part.shape == (2, 200, 3)
