"""What the adapters of all frameworks share: arguments, metadata, names."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Literal

from tensorhold.errors import ArgumentError, UnsupportedError

Access = Literal["automatic", "mapped", "owned"]
# What a save does with tensors that the reference package refuses.
Refused = Literal["error", "copy"]
# A path, or a file object.
Source = str | os.PathLike[str] | IO[bytes]
_BACKENDS: dict[str, Access] = {"mmap": "automatic", "pread": "owned"}


class UnsupportedDtype(UnsupportedError, KeyError):
    """A framework's dtype that the format does not have."""

    def __init__(self, message: str, *fields: Any) -> None:
        super().__init__(message, *(fields or ("unsupported", 4)))


def index_with(index: Any, known: type, convert: Callable[[Any], Any]) -> Any:
    """An index for a framework's array, with the arrays of others in it converted: a framework takes
    what it does not know for an integer, if it has one element. All know numpy's."""

    def part_with(part: Any) -> Any:
        if isinstance(part, known) or type(part).__module__ == "numpy" or not hasattr(part, "shape"):
            return part
        return convert(part)

    return tuple(map(part_with, index)) if isinstance(index, tuple) else part_with(index)


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Names the tensor in what a framework raises of it."""
    try:
        yield
    except Exception as error:
        if f"`{name}`" in str(error):
            raise
        message = f"tensor `{name}`: {error}"
        try:
            named = type(error)(message)
        except Exception:  # of a kind that wants to be made otherwise
            named = ArgumentError(message)
        raise named from error


def access_of(access: Access | None, backend: str) -> Access:
    """The access to open with: as asked, or what the reference package's `backend` comes to."""
    if backend not in _BACKENDS:
        raise ArgumentError(f'backend "{backend}" is invalid (expected one of: "mmap", "pread")')
    return _BACKENDS[backend] if access is None else access


def source_of(filename: Any) -> Any:
    """What `tensorhold.open` takes for a path or a file object; else as path_of()."""
    return filename if is_stream(filename) else path_of(filename)


def is_stream(value: Any) -> bool:
    """Whether it is an open file, or what can be read or written as one."""
    return not isinstance(value, (str, bytes)) and not hasattr(value, "__fspath__") and (
        hasattr(value, "read") or hasattr(value, "write")
    )


def opened_form(source: Any) -> Any:
    """A file object as `tensorhold.open` takes it: a descriptor, or content. A file of the system and
    an object with a buffer are taken whole, others are read from where they stand."""
    if isinstance(source, io.BytesIO):
        return source.getvalue()  # which shares the bytes, and leaves the stream free to change
    if (file := _system_file(source)) is not None:
        if file.writable():
            source.flush()
        return file.fileno()
    if hasattr(source, "getbuffer"):
        return source.getbuffer()
    if hasattr(source, "read"):
        content = source.read()
        if isinstance(content, str):
            raise TypeError("the file object gives text; open it in binary mode")
        return content
    kind = type(source).__name__
    raise TypeError(
        "open() takes a path, a file descriptor, or bytes of a whole file (an object with a buffer), or a "
        f"file object that can be read, not {kind}"
    )


def _system_file(stream: Any) -> io.FileIO | None:
    """The regular file under a file object. fileno() alone does not tell: that of gzip's leads to
    the compressed bytes."""
    for part in ("file", "buffer", "raw", "raw"):  # of tempfile, of text files, of buffered ones
        inner = getattr(stream, part, None)
        if isinstance(inner, io.IOBase):
            stream = inner
    if not isinstance(stream, io.FileIO) or not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return None
    return stream if stream.readable() else None


def write_to(stream: Any, content: Any) -> None:
    """Writes all of the content to a file object."""
    left = memoryview(content)
    while left.nbytes:
        written = stream.write(left)
        if not isinstance(written, int):  # of objects that do not tell, and write all
            return
        left = left[written:]


def copies(name: str, value: Refused) -> bool:
    """Whether the argument of that name asks for copies."""
    if value not in ("error", "copy"):
        raise ArgumentError(f'{name} is {value!r} (expected one of: "error", "copy")')
    return value == "copy"


def path_of(filename: Any) -> str:
    """A path as str; TypeError for anything else, bytes included, which `open` would take for the
    content of a file."""
    path = os.fspath(filename)
    if not isinstance(path, str):
        raise _wrong_type("filename", path, "str")
    return path


def content_of(data: Any) -> Any:
    """The content of a file, as bytes or as a view of them, or what `tensorhold.open` reads it from."""
    if isinstance(data, bytes):
        return data
    try:
        view = memoryview(data)
    except (TypeError, BufferError):
        if is_stream(data):
            return opened_form(data)
        raise _wrong_type("bytes", data, "bytes") from None
    return view.cast("B") if view.c_contiguous else view.tobytes()


def checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    """A copy; TypeError or UnicodeEncodeError for what is no text."""
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise _wrong_type("metadata", metadata, "dict")
    for key, value in metadata.items():
        for text in (key, value):
            if not isinstance(text, str):
                raise TypeError(why_no_metadata(key, value))
            _require_utf8(text, f"metadata[{key!r}]")
    return dict(metadata)


def why_no_metadata(key: Any, value: Any) -> str:
    """Why that pair cannot be metadata."""
    wrong = value if isinstance(key, str) else key
    text = str(_wrong_type("metadata", wrong, "str"))
    if wrong is key:
        return f"{text}. One of its keys is {_short(key)}: keys and values are str"
    return (
        f'{text}. metadata["{key}"] is {_short(value)}: give str() of it, or json.dumps() where it '
        "is to be read back"
    )


def _short(value: Any) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"an object of {type(value).__name__}, {shown}"


def _require_utf8(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        reason = f"{error.reason}, in {what.encode(errors='backslashreplace').decode()}"
        raise UnicodeEncodeError(
            error.encoding, error.object, error.start, error.end, reason
        ) from None


def flatten_advice(value: Any) -> str:
    """What to do about a dict that stands where a tensor should."""
    if not isinstance(value, Mapping):
        return ""
    return (
        '. Flatten nested dicts first: {f"{outer}.{inner}": tensor for outer, layer in tensors.items() '
        "for inner, tensor in layer.items()}"
    )


def checked_name(name: Any) -> str:
    """The name; TypeError or UnicodeEncodeError where it is no text."""
    if not isinstance(name, str):
        raise TypeError(f"{_wrong_type('tensor_dict', name, 'str')}. A tensor's name is {_short(name)}")
    _require_utf8(name, "a tensor's name")
    return name


def _wrong_type(argument: str, value: Any, wanted: str) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"argument '{argument}': '{kind}' object is not an instance of '{wanted}'")
