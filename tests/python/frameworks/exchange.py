"""The tests that every adapter passes: files go both ways between it and the reference package."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
import struct
import warnings
from types import ModuleType
from typing import Any

import pytest

import tensorhold
import tensorhold.safetensors

FUNCTIONS = ("save", "load", "save_file", "load_file")
METADATA = {"made by": "a test", "größe": "½"}


def imported(name: str) -> Any:
    """A module; what a framework warns of while it is imported is its own matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def content_of(entries: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    """A file's content, put together by hand: (dtype, shape, bytes) by name."""
    header: dict[str, Any] = {}
    data = b""
    for name, (dtype, shape, part) in entries.items():
        offsets = [len(data), len(data) + len(part)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Exchange:
    """A class of tests; one for each framework inherits them."""

    adapter: str  # name of the module, ours and the reference's
    framework: str  # name that safe_open takes
    copies = True  # what is loaded is the framework's own memory, not the file's
    # Tensors by the dtypes' names in a file. "scalar" and "empty" besides.
    tensors: dict[str, Any]
    # Those of `tensors` that the reference package cannot save, or cannot load from a file, or from
    # bytes.
    they_cannot_save: frozenset[str] = frozenset()
    they_cannot_load: frozenset[str] = frozenset()
    they_cannot_load_bytes: frozenset[str] = frozenset()

    def raw(self, tensor: Any) -> bytes:
        """The bytes of a tensor, by the framework's own means."""
        raise NotImplementedError

    # --- what the tests use

    @property
    def ours(self) -> ModuleType:
        return imported(f"tensorhold.{self.adapter}")

    @property
    def dropin(self) -> ModuleType:
        return imported(f"tensorhold.safetensors.{self.adapter}")

    @property
    def theirs(self) -> ModuleType:
        return imported(f"safetensors.{self.adapter}")

    def without(self, *names: frozenset[str]) -> dict[str, Any]:
        """A new dict, because the reference package writes into the one that it is given."""
        left_out = frozenset().union(*names)
        return {name: tensor for name, tensor in self.tensors.items() if name not in left_out}

    def same(self, left: dict[str, Any], right: dict[str, Any]) -> None:
        assert set(left) == set(right)
        for name, tensor in left.items():
            assert type(tensor) is type(right[name]), name
            assert tensor.dtype == right[name].dtype, name
            assert tuple(tensor.shape) == tuple(right[name].shape), name
            assert self.raw(tensor) == self.raw(right[name]), name

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "model.safetensors"

    # --- alone

    def test_the_drop_in_has_the_names_of_the_reference(self):
        names = {name for name in dir(self.theirs) if not name.startswith("__")}
        assert names <= set(dir(self.dropin))

    def test_round_trip(self, path):
        content = self.ours.save(self.tensors, METADATA)
        assert type(content) is bytes
        assert self.ours.save_file(self.tensors, path, METADATA) is None
        assert path.read_bytes() == content
        self.same(self.ours.load(content), self.tensors)
        for options in ({}, {"backend": "pread"}, {"access": "mapped"}, {"access": "owned", "threads": 2}):
            self.same(self.ours.load_file(path, **options), self.tensors)

    def test_dtypes_and_shapes_of_the_file(self, path):
        self.ours.save_file(self.tensors, path, METADATA)
        with tensorhold.open(path) as file:
            assert dict(file.metadata) == METADATA
            assert set(file) == set(self.tensors)
            for name, tensor in self.tensors.items():
                assert list(file[name].shape) == list(tensor.shape)
                assert bytes(file[name].raw) == self.raw(tensor)
                if name not in ("scalar", "empty"):
                    assert file[name].dtype == name

    def test_dtypes_and_shapes_of_what_is_loaded(self):
        parts = {name: (name, [2, 0], b"") for name in self.tensors if name not in ("scalar", "empty")}
        loaded = self.ours.load(content_of(parts))
        assert set(loaded) == set(parts)
        for name, tensor in loaded.items():
            assert tensor.dtype == self.tensors[name].dtype, name
            assert tuple(tensor.shape) == (2, 0), name

    def test_no_tensors(self, path):
        assert self.ours.load(self.ours.save({})) == {}
        self.ours.save_file({}, path)
        assert self.ours.load_file(path) == {}

    def test_saving_leaves_the_dict_alone(self, path):
        tensors = dict(self.tensors)
        self.ours.save(tensors)
        self.ours.save_file(tensors, path)
        assert all(tensors[name] is tensor for name, tensor in self.tensors.items())

    def test_save_over_the_loaded_file(self, path):
        self.ours.save_file(self.tensors, path)
        loaded = self.ours.load_file(path)
        self.ours.save_file(loaded, path, METADATA)
        self.same(loaded, self.tensors)
        self.same(self.ours.load_file(path), self.tensors)

    def test_the_file_may_change_after_a_load_and_a_release(self, path):
        self.ours.save_file(self.tensors, path)
        loaded = self.ours.load_file(path)
        tensorhold.release(path)
        assert [holder for holder in tensorhold.holders(path) if holder.own] == []
        with open(path, "r+b") as file:
            size = len(file.read())
            file.seek(0)
            file.write(b"\xff" * size)
        path.unlink()
        self.same(loaded, self.tensors)

    def test_the_file_is_free_after_a_load(self, path):
        self.ours.save_file(self.tensors, path, align=4096)
        loaded = self.ours.load_file(path, access="mapped")
        held = {holder.tensor for holder in tensorhold.holders(path) if holder.own}
        assert held == (set() if self.copies else set(self.tensors))
        self.same(loaded, self.tensors)

    def test_progress(self, path):
        saved, read = [], []
        self.ours.save_file(self.tensors, path, progress=lambda *now: saved.append(now))
        self.ours.load_file(path, access="owned", progress=lambda *now: read.append(now))
        for calls in (saved, read):
            assert calls and calls[-1][0] == calls[-1][1] > 0

    def test_functions_pickle(self, path):
        for module in (self.ours, self.dropin):
            for name in FUNCTIONS:
                assert pickle.loads(pickle.dumps(getattr(module, name))).__name__ == name
        pickle.loads(pickle.dumps(self.ours.save_file))(self.tensors, path)
        self.same(pickle.loads(pickle.dumps(self.ours.load_file))(path), self.tensors)

    # --- with the reference package

    def test_the_same_content(self, path, tmp_path):
        tensors = self.without(self.they_cannot_save)
        metadata = {"format": "one entry, because the reference's order of more is any"}
        assert self.ours.save(tensors, metadata) == self.theirs.save(dict(tensors), metadata)
        self.ours.save_file(tensors, path, metadata)
        self.theirs.save_file(dict(tensors), tmp_path / "theirs", metadata)
        assert path.read_bytes() == (tmp_path / "theirs").read_bytes()

    def test_the_reference_loads_what_we_save(self, path):
        tensors = self.without(self.they_cannot_load)
        self.ours.save_file(tensors, path, METADATA)
        self.same(self.theirs.load_file(path), tensors)
        tensors = self.without(self.they_cannot_load, self.they_cannot_load_bytes)
        self.same(self.theirs.load(self.ours.save(tensors)), tensors)

    def test_we_load_what_the_reference_saves(self, path):
        tensors = self.without(self.they_cannot_save)
        self.theirs.save_file(dict(tensors), path, METADATA)
        for backend in ("mmap", "pread"):
            self.same(self.ours.load_file(path, backend=backend), tensors)
        self.same(self.ours.load(self.theirs.save(dict(tensors))), tensors)

    @pytest.mark.parametrize("name", ["safetensors", "tensorhold.safetensors"])
    def test_safe_open(self, name, path):
        package = imported(name)
        ours = package.__name__ == "tensorhold.safetensors"
        tensors = self.without(frozenset() if ours else self.they_cannot_load)
        self.ours.save_file(tensors, path, METADATA)
        with package.safe_open(path, self.framework) as file:
            assert file.metadata() == METADATA
            self.same(file.get_tensors(), tensors)
            for key, tensor in tensors.items():
                self.same({key: file.get_tensor(key)}, {key: tensor})
            self.same({"": file.get_slice("F32")[1:]}, {"": tensors["F32"][1:]})
            self.same({"": file.get_slice("I32")[:, 1:2]}, {"": tensors["I32"][:, 1:2]})

    def test_signatures(self):
        """Ours take what the reference's take, by place and by name."""
        for module in (self.ours, self.dropin):
            for name in FUNCTIONS:
                ours = inspect.signature(getattr(module, name)).parameters
                theirs = inspect.signature(getattr(self.theirs, name)).parameters
                kept = [ours[key] for key in ours if key in theirs]
                assert [(one.name, one.kind, one.default) for one in kept] == [
                    (one.name, one.kind, one.default) for one in theirs.values()
                ], name

    @pytest.mark.parametrize(
        "mistake", ["value", "values", "metadata", "name", "missing", "broken", "short", "backend", "folder"]
    )
    def test_errors(self, mistake, path, tmp_path):
        """The drop-in raises an error of the reference's type, by the class or by its name."""
        one = self.tensors["F32"]
        (tmp_path / "broken").write_bytes(b"\x09\0\0\0\0\0\0\0{\"a\": 1}x")
        self.ours.save_file({"a": one}, path)

        def make(module: ModuleType) -> None:
            if mistake == "value":
                module.save({"a": "text"})
            elif mistake == "values":
                module.save([one])
            elif mistake == "metadata":
                module.save({"a": one}, {"a": 1})
            elif mistake == "name":
                module.save({1: one})
            elif mistake == "missing":
                module.load_file(tmp_path / "none")
            elif mistake == "broken":
                module.load_file(tmp_path / "broken")
            elif mistake == "short":
                module.load(path.read_bytes()[:-1])
            elif mistake == "backend":
                module.load_file(path, backend="x")
            else:
                module.save_file({"a": one}, tmp_path / "no" / "such" / "folder")

        with pytest.raises(Exception) as theirs:
            make(self.theirs)
        with pytest.raises(Exception) as ours:
            make(self.dropin)
        assert theirs.type.__name__ in [kind.__name__ for kind in ours.type.__mro__]
