#!/usr/bin/env python3
"""Benchmark `io`: loads and saves on several kinds of storage.

    io_report.py IO_BENCH --folder FOLDER [--slow MOUNT] [--docs FOLDER] [--gib SIZE] [--rounds N]

IO_BENCH is the program built from io_bench.cpp: it measures the library against ceilings, in turn. The
packages that people use are measured here against ours, in turn, through Python. FOLDER is on the disk
that is measured, MOUNT answers late, and /dev/shm is taken where it has room.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness
import peers
import tensorhold.torch
from peers import OURS, REFERENCE

GIB = 1 << 30


def ask(program: str, command: str, path: str, **options) -> dict:
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    answer = subprocess.run([program, command, path, *words], check=True, capture_output=True,
                            text=True).stdout
    print(f"  {command}", file=sys.stderr)
    return json.loads(answer) if answer.strip() else {}


def medians(answer: dict) -> dict:
    return {name: way["median"] for name, way in answer["seconds"].items()}


def best_of(times: dict, way: str) -> float:
    """The fastest number of threads."""
    return min(seconds for name, seconds in times.items() if name.startswith(way + "_"))


def against(title: str, ours: float, ceiling: float) -> list:
    return [title, f"{ours:.3f}", f"{ceiling:.3f}", f"{ceiling / ours:.2f}"]


def against_ceilings(program: str, path: str, rounds: int) -> dict:
    return {command: ask(program, command, path, rounds=rounds)
             for command in ("warm", "cold", "part", "slices")}


def room(folder: str) -> int:
    return shutil.disk_usage(folder).free if os.path.isdir(folder) else 0


def measure(options) -> dict:
    results = {"gib": options.gib}
    model = os.path.join(options.folder, "model.safetensors")
    peers.make_model(model, options.gib)
    results["library"] = against_ceilings(options.program, model, options.rounds)
    aligned = os.path.join(options.folder, "aligned.safetensors")
    peers.make_model(aligned, options.gib, aligned=True)
    results["library"]["aligned"] = ask(options.program, "cold", aligned, rounds=options.rounds)
    os.unlink(aligned)
    results["peers"] = {
        "warm": peers.take_turns_loading(model, options.rounds, False, "disk, warm"),
        "cold": peers.take_turns_loading(model, options.rounds, True, "disk, cold"),
    }
    if options.slow:
        late = os.path.join(options.slow, "late.safetensors")
        peers.make_model(late, options.gib / 8)
        results["peers"]["latency"] = peers.take_turns_loading(late, 3, True, "latency")
        os.unlink(late)
    if room("/dev/shm") > 2 * options.gib * GIB:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            copy = os.path.join(folder, "model.safetensors")
            shutil.copyfile(model, copy)
            results["peers"]["tmpfs"] = peers.take_turns_loading(copy, options.rounds, False, "tmpfs")
    tensors = tensorhold.torch.load_file(model, access="owned")
    results["saves"] = peers.take_turns_saving(
        tensors, os.path.join(options.folder, "saved.safetensors"), max(3, options.rounds // 2))
    return results


TITLES = {
    "warm": "in the page cache",
    "cold": "from the disk",
    "latency": "half a millisecond a request",
    "tmpfs": "tmpfs",
}


def page(results: dict) -> str:
    gib = results["gib"]
    warm = medians(results["library"]["warm"])
    cold = medians(results["library"]["cold"])
    aligned = medians(results["library"]["aligned"])
    part = results["library"]["part"]
    saved = results["saves"]
    ceilings = harness.table(["", "tensorhold s", "ceiling s", "of the ceiling's speed"], [
        against("warm load", warm["load"], min(warm["pread"], warm["memcpy"])),
        against("cold load; the disk into one buffer", cold["load"], best_of(cold, "direct")),
        against("cold load; the disk into as much memory", cold["load"], best_of(cold, "fill")),
        against("the same of an aligned file; one buffer", aligned["load"],
                best_of(aligned, "direct")),
        against("the same of an aligned file; memory", aligned["load"], best_of(aligned, "fill")),
        against("durable save", saved[OURS], saved["ceiling: direct writes"]),
    ])
    tables = []
    for kind, times in results["peers"].items():
        size = gib / 8 if kind == "latency" else gib
        tables.append(f"## {size:g} GiB, {TITLES[kind]}\n\n" + harness.table(
            ["", "s", "GiB/s", "ratio"],
            [[name, f"{seconds:.2f}", f"{size / seconds:.2f}",
              harness.ratio(seconds, times[OURS])] for name, seconds in times.items()]))
    saves = peers.saves_table(saved)
    slices = medians(results["library"]["slices"])
    parts = harness.table(["what of every tensor", "ms"], [
        [name.replace("_", " "), f"{seconds * 1e3:.0f}"] for name, seconds in slices.items()])
    read = part["read"] / part["file_bytes"]
    extra, extra_aligned = (results["library"][kind]["extra_memory"] / 2**20
                            for kind in ("cold", "aligned"))
    wanted = part["bytes"] / part["file_bytes"]
    return f"""# Loads and saves

    ./dev bench io

{gib:g} GiB of tensors of 8 MiB into memory that needs the file no more; medians of contestants that take
turns: {peers.versions()}. A ratio is how many times longer than tensorhold.

Machine: {harness.machine()}.

![seconds](io.svg)

## Against the machine

The library without Python. Ceilings: warm, the faster of pread and memcpy into fresh memory with huge
pages; cold, the fastest of 1 to 8 threads of direct reads, over and over into a buffer that stays in the
processor's cache, or into memory for all of the file that was touched before; saves (through Python),
preallocated direct writes by two threads. All in 8 MiB pieces.

{ceilings}

A load of {wanted:.1%} of the bytes reads {read:.1%} of the file. A cold load takes {extra:.0f} MiB of memory
beside the tensors, and {extra_aligned:.0f} MiB of an aligned file, which has them at multiples of 64 bytes.

{(chr(10) * 2).join(tables)}

## Saving {gib:g} GiB

tensorhold is durable on return, unless TENSORHOLD_DURABLE=0; the reference does not call `fsync`. Both are
shown durable and not, each against tensorhold at the same durability.

{saves}

## Parts of all tensors, in the page cache

{parts}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--slow")
    parser.add_argument("--docs", type=pathlib.Path)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    results = measure(options)
    text = page(results)
    print(text)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "io.md").write_text(text)
        groups = [(f"load, {TITLES[kind]}, s", times) for kind, times in results["peers"].items()]
        harness.bars(groups + [(f"save {options.gib:g} GiB, s", results["saves"])],
                     options.docs / "io.svg", "tensorhold: loads and saves, shorter is better", "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
