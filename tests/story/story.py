#!/usr/bin/env python3
"""The story S1 to S8 with today's reference loader and with tensorhold, side by side.

    story.py [--lockfs PROGRAM] [--driver PROGRAM] [--json] [--write docs/story.md]

Runs each row in a process of its own, on lockfs (tests/lockfs), which refuses what Windows refuses,
and on the filesystem of the folder for temporary files; prints the table; and fails when a row does
not end as is known of the reference and promised of tensorhold, or when docs/story.md has another
table. --write puts the table there.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile

from rows import FILE_DATA, ROWS

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs/story.md"
MARKS = ("<!-- written by tests/story/story.py -->", "<!-- to here -->")

# What must come out: outcome, the system's error or the signal, and whether the space on the disk is
# still taken at the end.
REFUSED = ("refused", "EACCES", None)
FREE, HELD = ("works", None, False), ("works", None, True)
KNOWN = {
    ("safetensors", "lockfs"): {"S1": REFUSED, "S2": FREE, "S3": REFUSED, "S4": REFUSED,
                                "S5": REFUSED, "S6": REFUSED, "S7": REFUSED, "S8": FREE},
    ("safetensors", "native"): {"S1": HELD, "S2": FREE, "S3": HELD, "S4": HELD, "S5": HELD,
                                "S6": HELD, "S7": HELD, "S8": ("killed", "SIGBUS", None)},
    ("tensorhold", "lockfs"): {row: FREE for row in ROWS},
    ("tensorhold", "native"): {**{row: FREE for row in ROWS}, "S5": HELD},
}
for place in ("lockfs", "native"):
    KNOWN["tensorhold-python", place] = KNOWN["tensorhold", place]


@contextlib.contextmanager
def lockfs(program):
    """A folder on lockfs, unmounted at the end."""
    with tempfile.TemporaryDirectory() as folder:
        mount, files = pathlib.Path(folder, "mount"), pathlib.Path(folder, "files")
        mount.mkdir()
        files.mkdir()
        subprocess.run([program, "--background", "--sharing", mount, files], check=True, timeout=60)
        try:
            yield mount
        finally:
            subprocess.run(["fusermount3", "-u", mount], check=True, timeout=60)


@contextlib.contextmanager
def native():
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


def write_file(path):
    """One tensor "w", F32, without a loader."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1024, FILE_DATA // 4096],
                               "data_offsets": [0, FILE_DATA]}}).encode()
    header += b" " * (-len(header) % 8)
    values = struct.pack(f"<{FILE_DATA // 4}f", *range(FILE_DATA // 4))
    path.write_bytes(struct.pack("<Q", len(header)) + header + values)


def run_row(command, row, folder):
    path = folder / f"{row}.safetensors"
    write_file(path)
    done = subprocess.run([*command, row, path], capture_output=True, timeout=300, check=False)
    if done.returncode < 0:
        return {"outcome": "killed", "error": signal.Signals(-done.returncode).name}
    if done.returncode != 0 or not done.stdout:
        raise SystemExit(f"{row} of {command} broke off:\n{done.stderr.decode()}")
    return json.loads(done.stdout.splitlines()[-1])


def summary(result):
    """(outcome, error, held) as in KNOWN."""
    return result["outcome"], result.get("error"), result.get("held")


def cell(result):
    if result["outcome"] in ("refused", "killed"):
        return f"**{result['outcome']}** ({result['error']})"
    text = result["outcome"] + ("; its space stays taken" if result.get("held") else "")
    return text + (f" ({result['note']})" if result.get("note") else "")


def table(results):
    places = list(results)
    lines = ["| | | " + " | ".join(f"{loader}, {place}" for loader, place in places) + " |",
             "| --- | --- |" + " --- |" * len(places)]
    for row, what in ROWS.items():
        cells = " | ".join(cell(results[place][row]) for place in places)
        lines.append(f"| {row} | {what} | {cells} |")
    return "\n".join(lines)


def between_marks(text):
    return text.split(MARKS[0] + "\n", 1)[1].split("\n" + MARKS[1], 1)[0]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--lockfs", help="the program; without it the rows run natively only")
    options.add_argument("--driver", help="build/…/bin/story_driver")
    options.add_argument("--json", action="store_true", help="print the results as JSON")
    options.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    given = options.parse_args()

    loaders = {"safetensors": [sys.executable, HERE / "rows.py", "safetensors"],
               "tensorhold": [given.driver]}
    try:
        import tensorhold  # noqa: F401
        loaders["tensorhold-python"] = [sys.executable, HERE / "rows.py", "tensorhold-python"]
    except ImportError as missing:
        print(f"without the Python package of tensorhold: {missing}", file=sys.stderr)
    folders = {"native": native}
    if given.lockfs and os.access("/dev/fuse", os.R_OK | os.W_OK):
        folders = {"lockfs": lambda: lockfs(given.lockfs), **folders}
    results = {}
    for place, folder in folders.items():
        for loader, command in loaders.items():
            with folder() as here:
                results[loader, place] = {row: run_row(command, row, here) for row in ROWS}
    results = dict(sorted(results.items()))

    text = table(results)
    if given.json:
        print(json.dumps([{"loader": loader, "where": place, "row": row, **result}
                          for (loader, place), of in results.items()
                          for row, result in of.items()], indent=1))
    else:
        print(text)
    passed = failed = 0
    for (loader, place), rows in results.items():
        for row, result in rows.items():
            expected = KNOWN[loader, place][row]
            if summary(result) == expected:
                passed += 1
            else:
                failed += 1
                print(f"FAILED: {row}, {loader}, {place}: {result}, but expected {expected}",
                      file=sys.stderr)
    document = DOCUMENT.read_text(encoding="utf-8")
    # The document is the same where the Python package is not installed.
    lasting = table({place: rows for place, rows in results.items() if place[0] != "tensorhold-python"})
    if given.write:
        DOCUMENT.write_text(document.replace(between_marks(document), lasting), encoding="utf-8")
    elif "lockfs" in folders:
        same = between_marks(document) == lasting
        passed, failed = passed + same, failed + (not same)
        if not same:
            print(f"FAILED: the table in {DOCUMENT} is another; --write renews it", file=sys.stderr)
    skipped = 0 if "lockfs" in folders else len(loaders) * len(ROWS)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
