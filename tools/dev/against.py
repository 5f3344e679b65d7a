#!/usr/bin/env python3
"""against.py [--turns N] OURS THEIRS NAME...: runs benchmarks of two checkouts in turn and compares.

Each checkout runs its own `./dev bench NAME`, which writes docs/bench/NAME.md; the numbers are read
from the tables there, and the folder is put back as it was. A ratio is how many times faster ours is,
from the medians of the turns. A row below 0.97 is looked at again in as many turns more, and counts if
it is below once more. Tables are rounded: a row counts only where rounding cannot be what it is from.
Ends with 1 if a row counts.
"""

import argparse
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

LOWEST = 0.97
NUMBER = re.compile(r"^(\d[\d,]*(?:\.\d+)?)(?: (?:s|ms|µs|ns|GB/s|GiB/s))?$")
# What is not ours: other packages, what the machine can do, and ratios to these.
FOREIGN = re.compile(r"ratio|of the |ceiling|safe_open|safetensors|simdjson|pread|memcpy|runai"
                     r"|torch\.save", re.IGNORECASE)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(text: str) -> dict[str, tuple[float, float, bool]]:
    """What the tables of a page say of tensorhold: by name, the value, the unit of its last digit,
    and whether more is better."""
    found = {}
    heading, header = "", None
    for line in text.splitlines():
        if line.startswith("#"):
            heading, header = line.lstrip("# "), None
        elif not line.startswith("|"):
            header = None
        elif header is None:
            header = cells(line)
        else:
            label, *values = cells(line)
            if FOREIGN.search(label):
                continue
            last = ""
            for title, value in zip(header[1:], values):
                # A column of a speed alone belongs to the one before it.
                name = title if not re.fullmatch(r"G(i?)B/s", title) else f"{last} {title}"
                last = title.split(" ")[0]
                number = NUMBER.match(value)
                if FOREIGN.search(name) or not number:
                    continue
                digits = number[1].replace(",", "")
                unit = 10.0 ** -len(digits.partition(".")[2])
                found[f"{heading}: {label}, {name}"] = (float(digits), unit, "/s" in name)
    return found


def run(checkout: pathlib.Path, name: str) -> dict[str, tuple[float, float, bool]]:
    """One run of a benchmark there; what it wrote into docs/bench is taken back."""
    pages = checkout / "docs" / "bench"
    with tempfile.TemporaryDirectory() as saved:
        shutil.copytree(pages, saved, dirs_exist_ok=True)
        try:
            done = subprocess.run([checkout / "dev", "bench", name], cwd=checkout, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode != 0:
                sys.exit(f"{done.stdout[-4000:]}\n{checkout}: ./dev bench {name} failed")
            return rows((pages / f"{name}.md").read_text(encoding="utf-8"))
        finally:
            shutil.rmtree(pages)
            shutil.copytree(saved, pages)


def compare(ours: pathlib.Path, theirs: pathlib.Path, name: str, turns: int):
    """[(row, our median, their median, ratio, the best ratio that rounding allows)]"""
    seen: dict[pathlib.Path, list] = {ours: [], theirs: []}
    for turn in range(turns):
        # Who comes first alternates.
        for checkout in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
            seen[checkout].append(run(checkout, name))
        print(f"  {name}: turn {turn + 1} of {turns}", file=sys.stderr)
    result = []
    for row, (_, _, more) in seen[ours][0].items():
        if any(row not in page for pages in seen.values() for page in pages):
            print(f"  not in every run: {row}", file=sys.stderr)
            continue
        mine, other = (statistics.median(page[row][0] for page in seen[checkout])
                       for checkout in (ours, theirs))
        unit = max(page[row][1] for pages in seen.values() for page in pages)
        high, low = (mine, other) if more else (other, mine)
        ratio = high / low if low > 0 else float("inf")
        best = (high + unit / 2) / (low - unit / 2) if low > unit / 2 else float("inf")
        result.append((row, mine, other, ratio, best))
    return result


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("ours", type=pathlib.Path)
    parser.add_argument("theirs", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    slower, lines = 0, []
    for name in options.names:
        first = compare(options.ours, options.theirs, name, options.turns)
        if not first:
            sys.exit(f"no row of {name} is in both")
        again = {}
        if any(best < LOWEST for *_, best in first):
            print(f"  {name}: again, for the rows below {LOWEST}", file=sys.stderr)
            again = {row: (ratio, best) for row, _, _, ratio, best in
                     compare(options.ours, options.theirs, name, options.turns)}
        for row, mine, other, ratio, best in first:
            said = ""
            if best < LOWEST:
                second, best_again = again.get(row, (ratio, best))
                counts = best_again < LOWEST
                slower += counts
                said = f"{second:.2f}" + (" SLOWER" if counts else "")
            elif ratio < LOWEST:
                said = "within rounding"
            lines.append(f"| {name}: {row} | {mine:g} | {other:g} | {ratio:.2f} | {said} |")
    print("| row | this | the other | times as fast | again |\n| --- | ---: | ---: | ---: | ---: |")
    print("\n".join(lines))
    print(f"{len(lines)} rows, {slower} below {LOWEST}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
