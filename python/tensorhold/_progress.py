"""A bar for loads and saves that take more than a second, on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, NoReturn

Report = Callable[[int, int], None]
# None and True: a bar where there is a terminal. False: none. A callable: gets (bytes done, in all).
Progress = Report | bool | None

_DELAY_SECONDS = 1.0
_REDRAW_SECONDS = 0.1


class Bar:
    """Draws once the work takes more than a second: with tqdm where that is installed."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begin = time.monotonic()
        self._drawn = 0.0
        self._tqdm: Any = None
        self._width = 0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._drawn and (now - self._begin < _DELAY_SECONDS or done >= total):
            return
        if now - self._drawn < _REDRAW_SECONDS and done < total:
            return
        first, self._drawn = not self._drawn, now
        if first:
            self._tqdm = _tqdm(self._title, total)
        if self._tqdm is not None:
            self._tqdm.update(done - self._tqdm.n)
            return
        self._draw(done, total, now - self._begin)

    def close(self) -> None:
        if self._tqdm is not None:
            self._tqdm.close()
        elif self._width:
            print(file=sys.stderr, flush=True)

    def _draw(self, done: int, total: int, seconds: float) -> None:
        part = done / total if total else 1.0
        filled = int(part * 30)
        line = (
            f"{self._title} [{'#' * filled}{'.' * (30 - filled)}] {part:4.0%}"
            f"  {done / 1e9:.2f} of {total / 1e9:.2f} GB  {done / 1e6 / seconds:,.0f} MB/s"
        )
        self._width = max(self._width, len(line))
        print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)


def _tqdm(title: str, total: int) -> Any:
    try:
        tqdm: Any = import_module("tqdm")  # which has no types
    except ImportError:
        return None
    return tqdm.tqdm(
        desc=title, total=total, unit="B", unit_scale=True, file=sys.stderr, leave=True
    )


def bar(title: str) -> Bar | None:
    """A bar for standard error, to be closed at the end; None where that is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    return Bar(title)


def refuse(progress: object) -> NoReturn:
    """TypeError for what is no progress=."""
    kind = type(progress).__name__
    raise TypeError(
        f"progress is a function of (bytes done, bytes in all), True for a bar or False, not {kind}"
    )


@contextmanager
def reporting(title: str, progress: Progress) -> Iterator[Report | None]:
    """What is to be called with (bytes done, bytes in all), or None."""
    if callable(progress):
        yield progress
        return
    if progress is not None and not isinstance(progress, bool):
        refuse(progress)
    drawn = None if progress is False else bar(title)
    try:
        yield drawn
    finally:
        if drawn is not None:
            drawn.close()


def loading(progress: Progress) -> AbstractContextManager[Report | None]:
    return reporting("Loading", progress)


def saving(progress: Progress) -> AbstractContextManager[Report | None]:
    return reporting("Saving", progress)
