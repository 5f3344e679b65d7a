"""What the benchmarks in Python share: turns, medians, tables, pictures.

Contestants take turns in every round, so that a busy moment of the machine hits all of them, and
every figure is a median. A contestant is a function that does its work once and returns the seconds
it took, so that what need not be measured stays out.
"""

import os
import pathlib
import platform
import statistics
import sys
import time

COLOURS = {"tensorhold": "#1b7837", "ceiling": "#999999"}


def machine() -> str:
    model = "unknown processor"
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    release = platform.release().split("-")[0]
    return f"{model}, {os.cpu_count()} cores visible, {platform.system()} {release}"


def timed(work) -> float:
    """Seconds that `work` takes. Its result dies after the clock has stopped."""
    start = time.perf_counter()
    result = work()
    spent = time.perf_counter() - start
    del result
    return spent


def alone(run) -> float:
    """What `run` returns in a child of its own: memory that other turns freed is no gift to it, as in
    a program that loads once."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writes, repr(run()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writes)
    with os.fdopen(reads) as answer:
        seconds = answer.read()
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("a contestant failed; see above")
    return float(seconds)


def take_turns(contestants: dict, rounds: int, what: str = "", warm_up: int = 1) -> dict:
    """Medians in seconds by name. The first rounds warm caches and allocators and do not count."""
    times = {name: [] for name in contestants}
    for number in range(rounds + warm_up):
        for name, run in contestants.items():
            spent = run()
            if number >= warm_up:
                times[name].append(spent)
    print(f"  {what}: {rounds} rounds", file=sys.stderr)
    return {name: statistics.median(spent) for name, spent in times.items()}


def forget_cache(path: str):
    """Drops the page cache of a file, so that the next read comes from the device."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def table(header: list, rows: list) -> str:
    """A Markdown table; the first column is text, the others are numbers already formatted."""
    lines = ["| " + " | ".join(header) + " |",
             "| " + " | ".join(["---"] + ["---:"] * (len(header) - 1)) + " |"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def bars(groups: list, path: pathlib.Path, title: str, unit: str):
    """Horizontal bars, one panel a group: [(title, {name: value})]. Smaller is better."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "tensorhold"
    from matplotlib import pyplot
    sizes = [len(values) for _, values in groups]
    figure, axes = pyplot.subplots(len(groups), 1, figsize=(7.5, 0.32 * sum(sizes) + 0.62 * len(groups) + 0.4),
                                   gridspec_kw={"height_ratios": sizes}, squeeze=False)
    for axis, (name, values) in zip(axes[:, 0], groups):
        names = list(values)
        colours = [next((c for key, c in COLOURS.items() if label.startswith(key)), "#9ecae1")
                   for label in names]
        drawn = axis.barh(names, list(values.values()), color=colours)
        axis.bar_label(drawn, fmt="%.3g", padding=3, fontsize=8)
        axis.invert_yaxis()
        axis.set_title(f"{name} ({unit})" if unit else name, fontsize=9, loc="left")
        axis.tick_params(labelsize=8)
        axis.margins(x=0.12)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def ratio(other: float, ours: float) -> str:
    """How many times longer the other takes."""
    return f"{other / ours:.1f}x" if other / ours < 10 else f"{other / ours:.0f}x"
