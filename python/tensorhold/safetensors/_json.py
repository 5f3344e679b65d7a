"""A header's JSON, read for the words in which the reference package refuses it. What it takes is
tensorhold's own reader's business: this one is asked when that has refused a header."""

from __future__ import annotations

import math
import re
from typing import Any

from tensorhold.safetensors._errors import quoted

_SPACE = b" \t\n\r"
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPES = {b'"'[0]: '"', b"\\"[0]: "\\", b"/"[0]: "/", b"b"[0]: "\b", b"f"[0]: "\f", b"n"[0]: "\n"}
_ESCAPES.update({b"r"[0]: "\r", b"t"[0]: "\t"})
_DEPTH = 128


class Syntax(Exception):
    """What is wrong, and where: `index` bytes have been read."""

    def __init__(self, text: bytes, index: int, what: str) -> None:
        line = text.count(b"\n", 0, index) + 1
        column = index - (text.rfind(b"\n", 0, index) + 1)
        super().__init__(f"{what} at line {line} column {column}")


class Pairs(list[Any]):
    """An object's names and values, in the order of the text."""


def shown(value: Any) -> str:
    """A value as the reference's reader names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value!r}`"
    if isinstance(value, str):
        return f"string {quoted(value)}"
    return "map" if isinstance(value, Pairs) else "sequence"


def parse(text: bytes) -> tuple[Pairs, int, Syntax | None]:
    """The entries that are not metadata, where the object ends, and what is wrong behind it: the
    reference looks there last."""
    reader = _Reader(text)
    entries, end = reader.header()
    return entries, end, reader.behind()


class _Reader:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def header(self) -> tuple[Pairs, int]:
        if self._peek() != b"{"[0]:
            self._wrong_type("struct HashMetadata")
        entries = Pairs()
        seen = False
        for name in self._names():
            if name != "__metadata__":
                entries.append((name, self._value(1)))
                continue
            if seen:
                raise self._error("duplicate field `__metadata__`")
            seen = True
            self._colon()
            self._metadata()
        return entries, self._at

    def behind(self) -> Syntax | None:
        return None if self._peek() is None else self._error("trailing characters", 1)

    def _metadata(self) -> None:
        found = self._peek()
        if found == b"n"[0]:
            self._word(b"null", None)
            return
        if found != b"{"[0]:
            self._wrong_type("a map")
        for _ in self._names():
            self._colon()
            if self._peek() != b'"'[0]:
                self._wrong_type("a string")
            self._string()

    def _wrong_type(self, wanted: str) -> None:
        """Scalars are named when they have been read, the others before."""
        begin = self._at
        kind = self._peek()
        if kind is None or kind not in b"[{":
            found = shown(self._value(0, colon=False))
            raise self._error(f"invalid type: {found}, expected {wanted}")
        found = "sequence" if kind == b"["[0] else "map"
        self._at = max(begin, self._at)
        raise self._error(f"invalid type: {found}, expected {wanted}")

    def _error(self, what: str, ahead: int = 0) -> Syntax:
        return Syntax(self._text, min(self._at + ahead, len(self._text)), what)

    def _peek(self) -> int | None:
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at] if self._at < len(self._text) else None

    def _names(self) -> Any:
        """The names of an object, each to be followed by reading its value."""
        self._at += 1
        found = self._peek()
        first = True
        while found != b"}"[0]:
            if found is None:
                raise self._error("EOF while parsing an object")
            if not first:
                if found != b","[0]:
                    raise self._error("expected `,` or `}`", 1)
                self._at += 1
                found = self._peek()
                if found == b"}"[0]:
                    raise self._error("trailing comma", 1)
                if found is None:
                    raise self._error("EOF while parsing a value")
            if found != b'"'[0]:
                raise self._error("key must be a string", 1)
            first = False
            yield self._string()
            found = self._peek()
        self._at += 1

    def _colon(self) -> None:
        found = self._peek()
        if found is None:
            raise self._error("EOF while parsing an object")
        if found != b":"[0]:
            raise self._error("expected `:`", 1)
        self._at += 1

    def _value(self, depth: int, colon: bool = True) -> Any:
        if colon:
            self._colon()
        found = self._peek()
        if found is None:
            raise self._error("EOF while parsing a value")
        if found == b'"'[0]:
            return self._string()
        if found in b"[{" and depth >= _DEPTH - 1:
            raise self._error("recursion limit exceeded", 1)
        if found == b"{"[0]:
            return Pairs((name, self._value(depth + 1)) for name in self._names())
        if found == b"["[0]:
            return self._list(depth)
        if found in b"-0123456789":
            return self._number()
        for word, value in ((b"null", None), (b"true", True), (b"false", False)):
            if found == word[0]:
                return self._word(word, value)
        raise self._error("expected value", 1)

    def _list(self, depth: int) -> list[Any]:
        values: list[Any] = []
        self._at += 1
        while (found := self._peek()) != b"]"[0]:
            if found is None:
                raise self._error("EOF while parsing a list")
            if values:
                if found != b","[0]:
                    raise self._error("expected `,` or `]`", 1)
                self._at += 1
                if self._peek() == b"]"[0]:
                    raise self._error("trailing comma", 1)
            values.append(self._value(depth + 1, colon=False))
        self._at += 1
        return values

    def _word(self, word: bytes, value: Any) -> Any:
        for expected in word:
            if self._at == len(self._text):
                raise self._error("EOF while parsing a value")
            self._at += 1
            if self._text[self._at - 1] != expected:
                raise self._error("expected ident")
        return value

    def _number(self) -> int | float:
        match = _NUMBER.match(self._text, self._at)
        if match is None:  # a sign alone
            self._at += 1
            raise self._missing_digit()
        self._at = match.end()
        rest = self._text[self._at : self._at + 1]
        if rest and rest in b"0123456789":
            raise self._error("invalid number", 1)
        if rest and (rest in b"eE" and not match[2] or rest == b"." and not match[1] and not match[2]):
            self._at += 1
            if rest != b"." and self._text[self._at : self._at + 1] in (b"+", b"-"):
                self._at += 1
            raise self._missing_digit()
        number = match[0].decode()
        if match[1] or match[2] or not -(2**63) <= int(number) < 2**64:
            value = float(number)
            if value in (math.inf, -math.inf):
                raise self._error("number out of range")
            return value
        return -0.0 if number == "-0" else int(number)

    def _missing_digit(self) -> Syntax:
        if self._at >= len(self._text):
            return self._error("EOF while parsing a value")
        return self._error("invalid number", 1)

    def _string(self) -> str:
        self._at += 1
        pieces: list[str] = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            assert plain is not None
            pieces.append(plain[0].decode())
            self._at = plain.end() + 1
            if self._at > len(self._text):
                raise self._error("EOF while parsing a string")
            ended = self._text[self._at - 1]
            if ended == b'"'[0]:
                return "".join(pieces)
            if ended != b"\\"[0]:
                raise self._error("control character (\\u0000-\\u001F) found while parsing a string")
            pieces.append(self._escape())

    def _escape(self) -> str:
        if self._at == len(self._text):
            raise self._error("EOF while parsing a string")
        kind = self._text[self._at]
        self._at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        if kind != b"u"[0]:
            raise self._error("invalid escape")
        unit = self._hex()
        if 0xDC00 <= unit < 0xE000:
            raise self._error("lone leading surrogate in hex escape")
        if not 0xD800 <= unit < 0xDC00:
            return chr(unit)
        for expected in b"\\u":
            if self._at == len(self._text):
                raise self._error("EOF while parsing a string")
            self._at += 1
            if self._text[self._at - 1] != expected:
                raise self._error("unexpected end of hex escape")
        low = self._hex()
        if not 0xDC00 <= low < 0xE000:
            raise self._error("lone leading surrogate in hex escape")
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))

    def _hex(self) -> int:
        digits = self._text[self._at : self._at + 4]
        if len(digits) < 4:
            self._at = len(self._text)
            raise self._error("EOF while parsing a string")
        self._at += 4
        if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
            raise self._error("invalid escape")
        return int(digits, 16)
