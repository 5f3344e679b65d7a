#!/usr/bin/env python3
"""Benchmark `python`: tensorhold's Python package against the packages that people use today.

    python.py [--rounds N] [--folder FOLDER] [--docs FOLDER] [--gib SIZE]

The peers are safetensors 0.8.0, fastsafetensors 0.5.0 and runai-model-streamer 0.17.0, all on torch
tensors on the CPU, in one process, in turn. FOLDER must be on a disk with 3 times SIZE free.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import harness
import peers
import safetensors
import safetensors.torch
import tensorhold.safetensors
import tensorhold.torch
import torch
from peers import OURS, REFERENCE

COUNTS = [300, 3_000, 30_000]
MIB = 1 << 20


def small_tensors(folder: str, rounds: int) -> list:
    """load_file of many tensors of 256 bytes: what a tensor costs beside its bytes."""
    rows = []
    for count in COUNTS:
        path = os.path.join(folder, "small.safetensors")
        safetensors.torch.save_file({f"layers.{i}.weight": torch.full((64,), float(i))
                                     for i in range(count)}, path)
        times = harness.take_turns({
            OURS: lambda: harness.timed(lambda: tensorhold.torch.load_file(path)),
            REFERENCE: lambda: harness.timed(lambda: safetensors.torch.load_file(path)),
        }, max(rounds, 90_000 // count // 3), f"{count} small tensors")
        rows.append((count, {name: seconds / count * 1e6 for name, seconds in times.items()}))
    return rows


def slices(folder: str, rounds: int) -> list:
    path = os.path.join(folder, "slices.safetensors")
    safetensors.torch.save_file({"w": torch.randn(8192, 8192)}, path)  # 256 MiB
    parts = {
        "all [:]": lambda part: part[:],
        "rows [1000:1100]": lambda part: part[1000:1100],
        "columns [:, 64:128]": lambda part: part[:, 64:128],
        "every 16th row [::16]": lambda part: part[::16],
        "one row [4000]": lambda part: part[4000],
    }
    rows = []
    for name, take in parts.items():
        contestants = {}
        # A view, copied as loaders do: into memory that is there, of a parameter.
        place = take(torch.zeros(8192, 8192)).clone()
        for label, package in ((OURS, tensorhold.safetensors), (REFERENCE, safetensors)):
            def run(package=package, take=take, place=place):
                with package.safe_open(path, framework="pt") as opened:
                    part = opened.get_slice("w")
                    return harness.timed(lambda: place.copy_(take(part)))
            contestants[label] = run
        try:
            rows.append((name, harness.take_turns(contestants, rounds * 3, name)))
        except Exception as error:  # the reference refuses some slices
            print(f"  {name}: {error}", file=sys.stderr)
            rows.append((name, harness.take_turns({OURS: contestants[OURS]}, rounds * 3, name)))
    os.unlink(path)
    return rows


def saves(source: str, folder: str, rounds: int) -> dict:
    tensors = tensorhold.torch.load_file(source, access="owned")
    return peers.take_turns_saving(tensors, os.path.join(folder, "saved.safetensors"),
                                   max(3, rounds // 2))


MEMORY = """
import json, sys
def figures():
    fields = {}
    for line in open("/proc/self/smaps_rollup"):
        name, _, rest = line.partition(":")
        if rest.split()[-1:] == ["kB"]: fields[name] = int(rest.split()[0]) << 10
    peak = next(int(l.split()[1]) << 10 for l in open("/proc/self/status") if l.startswith("VmHWM"))
    return peak, fields["Private_Clean"] + fields["Private_Dirty"]
import torch
package, work, path = sys.argv[1:]
if package == "tensorhold":
    from tensorhold.safetensors import safe_open
    from tensorhold.torch import load_file
else:
    from safetensors import safe_open
    from safetensors.torch import load_file
torch.ones(4).sum()
before = figures()
if work == "open":
    kept = safe_open(path, framework="pt")
elif work == "one":
    opened = safe_open(path, framework="pt")
    kept = opened.get_tensor(list(opened.keys())[0])
    kept.sum()
else:
    kept = load_file(path)
    for tensor in kept.values(): tensor.sum()
after = figures()
print(json.dumps([max(0, a - b) for a, b in zip(after, before)]))
"""


def memory(path: str) -> list:
    rows = []
    for work, title in (("open", "open"), ("one", "open, one tensor read"),
                        ("all", "load_file, all read")):
        found = {}
        for package in (OURS, REFERENCE):
            answer = subprocess.run([sys.executable, "-c", MEMORY, package, work, path], check=True,
                                    capture_output=True, text=True).stdout
            found[package] = [size / MIB for size in json.loads(answer)]
        rows.append((title, found))
    return rows


def page(results: dict, gib: float) -> str:
    small = harness.table(["tensors", f"{OURS} µs", f"{REFERENCE} µs", "ratio"], [
        [f"{count:,}", f"{found[OURS]:.2f}", f"{found[REFERENCE]:.1f}",
         harness.ratio(found[REFERENCE], found[OURS])] for count, found in results["small"]])
    whole = harness.table(["", "warm s", "ratio", "cold s", "ratio"], [
        [name, f"{warm:.2f}", harness.ratio(warm, results["warm"][OURS]),
         f"{results['cold'][name]:.2f}", harness.ratio(results["cold"][name], results["cold"][OURS])]
        for name, warm in results["warm"].items()])
    part = harness.table(["slice", f"{OURS} ms", f"{REFERENCE} ms", "ratio"], [
        [name, f"{found[OURS] * 1e3:.2f}",
         f"{found[REFERENCE] * 1e3:.2f}" if REFERENCE in found else "refused",
         harness.ratio(found[REFERENCE], found[OURS]) if REFERENCE in found else ""]
        for name, found in results["slices"]])
    saved = peers.saves_table(results["saves"])
    used = harness.table(["MiB", f"{OURS} peak", "private", f"{REFERENCE} peak", "private"], [
        [title, *(f"{value:.1f}" for name in (OURS, REFERENCE) for value in found[name])]
        for title, found in results["memory"]])
    return f"""# The Python package

    ./dev bench python

torch {torch.__version__.split('+')[0]} tensors on the CPU, {peers.versions()}, all in one
process and in turn; medians. A ratio is how many times longer than tensorhold.

Machine: {harness.machine()}.

![seconds and microseconds](python.svg)

## Many small tensors: `load_file`, a tensor

{small}

## {gib:g} GiB into tensors that need the file no more

`access="owned"`; the reference maps, so its tensors are cloned. Cold: the file is not in the page cache.

{whole}

## A slice of 256 MiB into a parameter: `parameter.copy_(get_slice(...)[...])`

{part}

## Saving {gib:g} GiB

tensorhold is durable when `save_file` returns, unless TENSORHOLD_DURABLE=0; the reference does not call
`fsync`. Both are shown durable and not, each against tensorhold at the same durability.

{saved}

## Memory, {gib:g} GiB

What a process gains: peak of resident memory (pages of the file count as long as they are mapped), and what is
private to it.

{used}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--folder", help="where the files are made")
    parser.add_argument("--docs", type=pathlib.Path, help="folder for python.md and python.svg")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        results = {"small": small_tensors(folder, options.rounds)}
        model = os.path.join(folder, "model.safetensors")
        peers.make_model(model, options.gib)
        results["memory"] = memory(model)
        results["warm"] = peers.take_turns_loading(model, options.rounds, False, "warm loads")
        results["cold"] = peers.take_turns_loading(model, options.rounds, True, "cold loads")
        results["slices"] = slices(folder, options.rounds)
        results["saves"] = saves(model, folder, options.rounds)
    text = page(results, options.gib)
    print(text)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "python.md").write_text(text)
        harness.bars([
            ("load_file, 30,000 small tensors, µs a tensor", dict(results["small"][-1][1])),
            (f"warm load of {options.gib:g} GiB, owned, s", results["warm"]),
            (f"cold load of {options.gib:g} GiB, owned, s", results["cold"]),
            (f"save {options.gib:g} GiB, s", results["saves"]),
        ], options.docs / "python.svg", "tensorhold in Python: shorter is better", "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
