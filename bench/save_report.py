#!/usr/bin/env python3
"""Benchmark `save`: durable saves and edits in place.

    save_report.py PROGRAMS --folder FOLDER [--sharing FOLDER] [--docs FOLDER] [--gib SIZE]
                   [--edited SIZE] [--rounds N]

PROGRAMS is the folder of save_bench and edit_bench, which measure the library against the device, in turn.
The reference package is measured here against ours, in turn, on tensors that torch made. FOLDER is on the
disk that is measured and has room for a file of `edited` GiB; the folder of `sharing` is on a filesystem
that shares bytes between files.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import harness
import peers
import torch
from peers import OURS, REFERENCE

MIB = 1 << 20


def ask(program: str, *words) -> dict:
    answer = subprocess.run([program, *map(str, words)], check=True, capture_output=True,
                            text=True).stdout
    print(f"  {os.path.basename(program)} {words[0]}", file=sys.stderr)
    return json.loads(answer)


def measure(options) -> dict:
    edits = os.path.join(options.programs, "edit_bench")
    mib = int(options.gib * 1024)
    results = {
        "library": ask(os.path.join(options.programs, "save_bench"), options.folder, mib,
                       options.rounds),
        "edits": ask(edits, options.folder, int(options.edited * 1024), options.rounds)}
    if options.sharing:
        results["shared edits"] = ask(edits, options.sharing, 1024, options.rounds)
    tensors = {f"layers.{i:04d}.weight": torch.randn(2048, 1024) for i in range(mib // 8)}
    results["peers"] = peers.take_turns_saving(
        tensors, os.path.join(options.folder, "saved.safetensors"), options.rounds)
    return results


def of_ceiling(seconds: float, ceiling: float) -> str:
    return f"{ceiling / seconds:.2f}"


def overwrite_row(name: str, found: dict) -> list:
    ours, ceiling = found["seconds"]["overwrite"], found["seconds"]["tensor_ceiling"]
    return [name, f"{ours * 1e3:.0f}", f"{ceiling * 1e3:.0f}", of_ceiling(ours, ceiling)]


def page(results: dict, options) -> str:
    library, edits = results["library"], results["edits"]
    ceiling = library["seconds"]["durable_ceiling"]
    rows = [("durable_save", "save, tensors as torch places them"),
            ("durable_save_aligned", "save, tensors in whole huge pages"),
            ("durable_writer", "Writer, one thread, a tensor a call")]
    saves = harness.table(["", "s", "ceiling s", "of the ceiling's speed"], [
        [title, f"{library['seconds'][name]:.3f}", f"{ceiling:.3f}",
         of_ceiling(library["seconds"][name], ceiling)] for name, title in rows])
    times = results["peers"]
    bound = times[REFERENCE + " + fsync"] / times["ceiling: direct writes"]
    packages = peers.saves_table(times)
    written = [overwrite_row("on the disk", edits)]
    if "shared edits" in results:
        written.append(overwrite_row("xfs, which shares bytes", results["shared edits"]))
    overwrites = harness.table(["", "ms", "ceiling ms", "of the ceiling's speed"], written)
    peak = library["peak_extra_bytes"] / MIB
    return f"""# Durable saves and edits

    ./dev bench save

Medians of {options.rounds} rounds in which all take turns. Ceiling: the device's durable write of as many
bytes, preallocated, past the page cache, by two threads, out of huge pages.

Machine: {harness.machine()}.

## {library['bytes'] / (1 << 30):.2g} GiB, the library alone

Tensors of 16 MiB. As torch places them: behind 64 bytes of malloc's, in small pages.

{saves}

A save takes at most {peak:.0f} MiB of memory beside the tensors.

## {options.gib:g} GiB from Python, against the reference

torch {torch.__version__.split('+')[0]} tensors of 8 MiB, safetensors {peers.version('safetensors')}. tensorhold
is durable on return, unless TENSORHOLD_DURABLE=0; the reference does not call `fsync`. Both are shown durable
and not, each against tensorhold at the same durability. No durable save is faster than the ceiling, which is {bound:.1f} times as fast as the reference with `fsync` here.

{packages}

## Edits in place, durable

Metadata within the room of the header, in a file of {edits['file_bytes'] / (1 << 30):.3g} GiB:
{edits['seconds']['edit'] * 1e3:.2f} ms. One write of 4 KiB with `fdatasync` in turn with it:
{edits['seconds']['sector'] * 1e3:.2f} ms.

A tensor of {edits['tensor_bytes'] // MIB} MiB written over; the ceiling is the durable write of as many bytes.
The bytes are written into the journal and then into the file, unless the filesystem shares.

{overwrites}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--sharing")
    parser.add_argument("--docs", type=pathlib.Path)
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--edited", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    text = page(measure(options), options)
    print(text)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "save.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
