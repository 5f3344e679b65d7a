"""Plain values that the library gives."""

from typing import Any, NamedTuple


class TensorInfo(NamedTuple):
    """What a header says of one tensor."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int  # of the first byte, from the start of the file
    nbytes: int


class Holder(NamedTuple):
    """One holder of a file; describes the moment it was taken."""

    pid: int
    own: bool  # this process, through this library
    command: str  # name of the process; "" when it could not be read
    tensor: str  # own holders: name of the live tensor; "" for the File itself
    nbytes: int  # bytes held; 0 when unknown
    label: str  # own holders: open's label
    how: str  # "mapped", "open", "unknown"
    which: str  # "current", "replaced", "deleted": which file of that path


class Holders(list[Holder]):
    """Who holds a file, and what could not be seen."""

    def __init__(self, holders: tuple[Holder, ...] = (), unseen: int = 0, proof: str = "unknown"):
        super().__init__(holders)
        self.unseen = unseen  # processes that this one may not look into
        self.proof = proof  # "held", "free" or "unknown": what the system itself says

    @property
    def complete(self) -> bool:
        """Nothing can be missing in the list."""
        return self.unseen == 0 or self.proof == "free"


class Released(NamedTuple):
    """What a release did."""

    files: int  # open files that let go of their holds
    tensors: int  # live tensors that are private memory now
    bytes: int  # private memory that it took, in whole pages


class Changed(NamedTuple):
    """What remove() or replace() did."""

    released: bool  # own holds were released
    moved_to: str  # where a file that others hold waits for its removal; or ""


class Edited(NamedTuple):
    """What edit_metadata() or overwrite() did."""

    changed: bool  # False: everything was as asked for already
    rewritten: bool  # a new file took the name; else edited in place
    shared: bool  # the new file shares the old one's bytes on the disk
    released: bool  # own tensors of the range were released first
    why: str  # of `rewritten`: why not in place; else ""


def rebuild_tensor(name: str, dtype: str, shape: tuple[int, ...], data: Any) -> Any:
    """Internal: an owned Tensor, for pickle, which finds no functions of extension modules."""
    from . import _core

    return _core._rebuild_tensor(name, dtype, shape, data)
