#!/usr/bin/env python3
"""Benchmark `open`: parse and validate headers of 300 to 1,000,000 tensors.

    open.py DRIVER [--rounds N] [--docs FOLDER]

DRIVER is the program built from open_bench.cpp. The contestants take turns in every round, so that a
busy moment of the machine hits all of them; the table holds medians. The reference is the package
safetensors, opened from Python as its users do.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import harness
import safetensors

COUNTS = [300, 3_000, 30_000, 300_000, 1_000_000]


class Driver:
    """Keeps the program running: what is measured is a call, not the start of a process."""

    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, *words) -> int:
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("open_bench ended; its message is above")
        return int(answer)


def reference(path: str) -> int:
    start = time.perf_counter_ns()
    opened = safetensors.safe_open(path, framework="np")
    spent = time.perf_counter_ns() - start
    with opened:
        pass
    return spent


def measure(driver: Driver, folder: str, rounds: int) -> list:
    rows = []
    for count in COUNTS:
        path = os.path.join(folder, f"{count}.safetensors")
        header_bytes = driver.ask("make", path, count)
        contestants = {
            "open": lambda: driver.ask("open", path),
            "parse": lambda: driver.ask("parse", path),
            "reference": lambda: reference(path),
            "floor": lambda: driver.ask("floor", path),
        }
        # Small files take microseconds: more rounds cost nothing.
        repeat = max(rounds, min(200, 300_000 // count))
        times = {name: [] for name in contestants}
        for number in range(repeat + 1):
            for name, run in contestants.items():
                spent = run()
                if number > 0:  # the first round warms caches and allocators
                    times[name].append(spent)
        os.unlink(path)
        medians = {name: statistics.median(spent) for name, spent in times.items()}
        rows.append({"count": count, "header_bytes": header_bytes, **medians})
        print(f"  {count} tensors: {repeat} rounds", file=sys.stderr)
    return rows


def table(rows: list) -> str:
    lines = ["| tensors | open ns | GB/s | parse ns | GB/s | safe_open ns | ratio | simdjson ns |",
             "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        per = {name: row[name] / row["count"] for name in ("open", "parse", "reference", "floor")}
        speed = {name: row["header_bytes"] / row[name] for name in ("open", "parse")}
        lines.append(f"| {row['count']:,} | {per['open']:.0f} | {speed['open']:.2f} "
                     f"| {per['parse']:.0f} | {speed['parse']:.2f} | {per['reference']:.0f} "
                     f"| {per['reference'] / per['open']:.1f}x | {per['floor']:.0f} |")
    return "\n".join(lines)


def plot(rows: list, path: pathlib.Path):
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "tensorhold"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4))
    counts = [row["count"] for row in rows]
    for name, label, marker in (("reference", "safetensors 0.8.0, safe_open", "s"),
                                ("floor", "simdjson, no validation", "^"),
                                ("open", "tensorhold, open", "o"),
                                ("parse", "tensorhold, parse alone", ".")):
        axes.plot(counts, [row[name] / row["count"] for row in rows], marker=marker, label=label)
    axes.set(xscale="log", yscale="log", xlabel="tensors in the file",
             ylabel="nanoseconds a tensor", title="Header: read, parse and validate")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--docs", type=pathlib.Path, help="folder for open.md and open.svg")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Driver(options.driver), folder, options.rounds)
    text = table(rows)
    print(text)
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "open.md").write_text(f"""# Opening: header parse and validation

    ./dev bench open

Nanoseconds a tensor, medians; the contestants take turns in one run. `open` is a file in the page
cache from its path to a checked header, `parse` the same without reading it; GB/s is header text
per second. `safe_open` is the reference package {safetensors.__version__}, called from
Python; `ratio` is how much longer it takes than `open`. `simdjson` is a bare on-demand walk that
looks at every value of a header in memory, validates nothing and keeps nothing.

Machine: {harness.machine()}.

{text}

![nanoseconds a tensor](open.svg)
""")
        plot(rows, options.docs / "open.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
