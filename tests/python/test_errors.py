"""Error: frozen codes, and for each the Python classes that catch it."""

import errno
import os
import pathlib
import pickle
import re
import struct
import subprocess
import sys

import pytest

import tensorhold as th
from tensorhold import errors

HEADER = pathlib.Path(__file__).parents[2] / "include/tensorhold/error.hpp"

# Frozen: code, number, and the classes of Python's own that catch it.
TABLE = {
    "invalid_argument": (1, ValueError),
    "out_of_memory": (2, MemoryError),
    "cancelled": (3,),
    "unsupported": (4, NotImplementedError),
    "io_error": (100, OSError),
    "not_found": (101, FileNotFoundError),
    "permission_denied": (102, PermissionError),
    "not_a_file": (103, OSError),
    "no_space": (104, OSError),
    "file_in_use": (105, PermissionError),
    "cannot_map": (106, OSError),
    "unexpected_end": (107, OSError),
    "not_durable": (108, OSError),
    "too_many_open": (109, OSError),
    "already_exists": (110, FileExistsError),
    "not_safetensors": (200, ValueError),
    "header_too_small": (201, ValueError),
    "header_too_large": (202, ValueError),
    "header_truncated": (203, ValueError),
    "invalid_utf8": (204, ValueError),
    "invalid_json": (205, ValueError),
    "duplicate_name": (206, ValueError),
    "invalid_metadata": (207, ValueError),
    "invalid_entry": (208, ValueError),
    "unknown_dtype": (209, ValueError),
    "shape_overflow": (210, ValueError),
    "size_mismatch": (211, ValueError),
    "partial_byte": (212, ValueError),
    "invalid_offsets": (213, ValueError),
    "data_truncated": (214, ValueError),
    "trailing_bytes": (215, ValueError),
    "sharded_model": (216, ValueError),
    "tensor_not_found": (300, KeyError),
    "dtype_mismatch": (301, ValueError),
    "misaligned": (302, ValueError),
    "swapped_bytes": (303, ValueError),
    "invalid_slice": (304, IndexError, ValueError),
    "not_contiguous": (305, ValueError),
    "size_differs": (306, ValueError),
    "already_written": (307, ValueError),
    "incomplete": (308, ValueError),
    "closed": (400, ValueError),
    "released": (401, ValueError),
    "release_unsupported": (402, RuntimeError),
    "release_refused": (403, RuntimeError),
    "memory_limit": (404, MemoryError),
    "replaced": (405, OSError),
    "modified": (406, OSError),
    "truncated": (407, OSError),
    "damaged": (408, OSError),
    "lock_conflict": (409, TimeoutError),
    "release_partial": (410, RuntimeError),
}


def test_the_table_has_every_code():
    codes = re.findall(r"^  (\w+)\s*=\s*(\d+),", HEADER.read_text(), re.MULTILINE)
    assert {name: int(number) for name, number in codes} == {
        name: row[0] for name, row in TABLE.items()
    }


@pytest.mark.parametrize("code", TABLE)
def test_code_to_class(code):
    number, *kinds = TABLE[code]
    made = errors.make_error("all of it", code, number, False, "why", "do this", "p", "t", 7, 0, ())
    assert isinstance(made, th.Error) and all(isinstance(made, kind) for kind in kinds)
    builtin = {kind for kind in type(made).__mro__ if kind.__module__ == "builtins"}
    for base in (OSError, ValueError, LookupError, MemoryError, RuntimeError):
        assert (base in builtin) == any(issubclass(kind, base) for kind in kinds), base
    assert str(made) == "all of it"
    assert_same(pickle.loads(pickle.dumps(made)), made)


FIELDS = ["code", "code_number", "reason", "advice", "path", "tensor", "offset", "os_error", "holders"]


def assert_same(again, error):
    assert type(again) is type(error) and str(again) == str(error)
    assert [getattr(again, name) for name in FIELDS] == [getattr(error, name) for name in FIELDS]
    if isinstance(error, OSError):
        assert (again.errno, again.filename) == (error.errno, error.filename)


def caught(kind, call, *arguments, **options):
    with pytest.raises(kind) as info:
        call(*arguments, **options)
    assert isinstance(info.value, th.Error)
    assert_same(pickle.loads(pickle.dumps(info.value)), info.value)
    return info.value


def test_a_file_that_is_absent(tmp_path):
    path = tmp_path / "absent.safetensors"
    error = caught(FileNotFoundError, th.open, path)
    assert (error.code, error.code_number) == ("not_found", 101)
    assert error.errno == error.os_error == errno.ENOENT
    assert error.path == error.filename == str(path)
    assert error.reason in str(error) and error.advice in str(error)


def test_a_folder_and_what_is_no_regular_file(tmp_path):
    error = caught(IsADirectoryError, th.open, tmp_path)
    assert (error.code, error.errno) == ("not_a_file", errno.EISDIR)
    if os.path.exists("/dev/null"):
        error = caught(OSError, th.open, "/dev/null")
        assert error.code == "not_a_file" and not isinstance(error, IsADirectoryError)


def test_the_message_of_a_key_error_is_readable(saved):
    path = saved({"embed.weight": ("U8", (1,), b"x")})
    error = caught(KeyError, th.open(path).__getitem__, "embed.wieght")
    assert str(error).startswith(f'{path}: tensor "embed.wieght": ')
    assert 'Did you mean "embed.weight"?' in str(error)
    assert error.tensor == "embed.wieght"


def test_a_format_error_names_tensor_and_byte(tmp_path):
    header = b'{"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}'
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"1234")
    error = caught(ValueError, th.open, path)
    assert (error.code, error.tensor) == ("unknown_dtype", "w")
    assert error.offset is not None and error.offset < len(header) + 8
    assert error.errno if isinstance(error, OSError) else True


def test_holders_of_a_lock_are_in_the_error(saved):
    path = saved({"a": ("U8", (1,), b"x")})
    with th.lock_exclusive(path):
        error = caught(TimeoutError, th.lock_shared, path)
    assert error.code == "lock_conflict"
    assert any(holder.own for holder in error.holders) or error.holders == ()
    assert all(isinstance(holder, th.Holder) for holder in error.holders)


def test_errors_can_be_made_and_caught_by_others():
    error = th.Error("it broke")
    assert (str(error), error.code, error.reason) == ("it broke", "invalid_argument", "it broke")
    assert th.Error is errors.Error


def test_an_error_of_reading_is_not_hidden_by_the_buffer_protocol(saved):
    path = saved({"a": ("U8", (10_000,), bytes(10_000))})
    with th.open(path, access="owned") as file:
        tensor = file["a"]
        os.truncate(path, path.stat().st_size - 5000)
        for use in (memoryview, bytes, th.Tensor.tolist, th.Tensor.copy, th.Tensor.__dlpack__):
            assert caught(OSError, use, tensor).code in ("unexpected_end", "truncated")


LONE = "\ud800"


@pytest.mark.parametrize("call", [
    lambda path: th.save(path, {LONE: b"x"}),
    lambda path: th.serialize({LONE: b"x"}),
    lambda path: th.save(path, {"a": b"x"}, {"key": LONE}),
    lambda path: th.save(path, {"a": (LONE, (1,), b"x")}),
    lambda path: th.Writer(path, {LONE: ("U8", (1,))}),
    lambda path: th.edit_metadata(path, {LONE: "x"}),
    lambda path: th.overwrite(path, LONE, b"x"),
    lambda path: th.open(path)[LONE],
    lambda path: th.open(path).load([LONE]),
])
def test_text_that_is_no_utf8(call, saved):
    path = saved({"a": b"x"})
    before = path.read_bytes()
    error = caught(ValueError, call, path)
    assert error.code == "invalid_argument"
    assert "'\\ud800'" in error.reason and error.advice
    assert path.read_bytes() == before


def test_descriptors_that_are_none(saved):
    for number in (-1, 10**6, 2**40, -2**70):
        assert caught(ValueError, th.open, number).code == "invalid_argument"


def test_copies_of_a_truncated_file_are_errors_whatever_handlers_there_are(tmp_path):
    # In a child, because handlers are of the whole process; faulthandler's ends it.
    code = """if True:
        import faulthandler, os, sys
        import tensorhold as th
        th.save(sys.argv[1], {"a": ("U8", (100, 20_000), bytes(2_000_000))})
        with th.open(sys.argv[1], access="mapped") as file:
            tensor = file["a"]
            tensor[:, 5:10]
            os.truncate(sys.argv[1], 1_000_000)
            for again in range(3):
                for part in (..., (slice(None), slice(5, 10)), slice(0, 100, 3)):
                    try:
                        tensor[part]
                        print("no error")
                    except OSError as error:
                        print(error.code, error.offset >= 1_000_000)
                faulthandler.enable()
    """
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x")], capture_output=True, text=True)
    assert ran.stdout.split("\n") == ["truncated True"] * 9 + [""], ran.stderr
