"""The packages that load and save safetensors files today, and ours, each behind the same call."""

import mmap
import os
import tempfile
import threading

import harness
import safetensors.torch
import tensorhold.torch
import torch
from fastsafetensors import fastsafe_open
from importlib.metadata import version
from runai_model_streamer import SafetensorsStreamer

OURS = "tensorhold"
REFERENCE = "safetensors"
PIECE = 8 << 20
# Of saves that a power cut soon after may undo.
NOT_DURABLE = ", not durable"


def versions() -> str:
    return ", ".join(f"{name} {version(name)}" for name in
                     ("safetensors", "fastsafetensors", "runai-model-streamer"))


def data_begin(path: str) -> int:
    with open(path, "rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")


def make_model(path: str, gib: float, aligned: bool = False):
    """Random tensors of 8 MiB. `aligned`: at multiples of 64 bytes of the file, as tensorhold writes on
    demand, and other software by chance, one file in eight; else as in the other seven."""
    count = max(1, int(gib * 1024) // 8)
    tensors = {f"layers.{i:04d}.weight": torch.randn(2048, 1024) for i in range(count)}
    if aligned:
        return tensorhold.torch.save_file(tensors, path, align=64)
    safetensors.torch.save_file(tensors, path)
    if data_begin(path) % 64 == 0:
        safetensors.torch.save_file(tensors, path, {"format": "pt"})
    assert data_begin(path) % 64 != 0


def streamed(path: str) -> dict:
    with SafetensorsStreamer() as streamer:
        streamer.stream_file(path)
        return dict(streamer.get_tensors())


def fast(path: str) -> dict:
    with fastsafe_open(filenames=[path], nogds=True, device="cpu") as opened:
        return {name: opened.get_tensor(name).clone() for name in opened.keys()}


def cloned(path: str) -> dict:
    return {name: tensor.clone() for name, tensor in safetensors.torch.load_file(path).items()}


# Ways to a dictionary of tensors that need the file no more.
OWNED_LOADS = {
    OURS: lambda path: tensorhold.torch.load_file(path, access="owned"),
    REFERENCE + " + clone": cloned,
    "runai-model-streamer": streamed,
    "fastsafetensors": fast,
}


def take_turns_loading(path: str, rounds: int, cold: bool, what: str) -> dict:
    """Medians of owned loads, each in a process of its own that has loaded something small before.
    Call it before anything that makes torch's threads, which a child would wait for."""
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small.safetensors")
        safetensors.torch.save_file({"w": torch.ones(8)}, small)

        def run(load):
            load(small)
            return harness.timed(lambda: load(path))

        def turn(load):
            if cold:
                harness.forget_cache(path)
            return harness.alone(lambda: run(load))

        return harness.take_turns({name: lambda load=load: turn(load)
                                   for name, load in OWNED_LOADS.items()}, rounds, what)


def save_reference(tensors: dict, path: str, durable: bool):
    safetensors.torch.save_file(tensors, path)
    if durable:
        descriptor = os.open(path, os.O_RDWR)
        os.fsync(descriptor)
        os.close(descriptor)


def filled_memory(size: int) -> mmap.mmap:
    """Whole pieces of at least `size` bytes, in huge pages, of which a request to a disk holds more."""
    memory = mmap.mmap(-1, -(-size // PIECE) * PIECE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    piece = os.urandom(PIECE)
    while memory.tell() < len(memory):
        memory.write(piece)
    return memory


def write_direct(path: str, memory: mmap.mmap, threads: int = 2):
    """What the device takes at most of so much memory: preallocated, past the page cache."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
    os.posix_fallocate(descriptor, 0, len(memory))

    def write(number: int):
        with memoryview(memory) as view:
            for begin in range(number * PIECE, len(memory), threads * PIECE):
                with view[begin:begin + PIECE] as piece:
                    assert os.pwrite(descriptor, piece, begin) == PIECE

    workers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os.fsync(descriptor)
    os.close(descriptor)


def saves_table(times: dict) -> str:
    """What take_turns_saving() found, each against ours at the same durability."""
    def ours(name: str) -> float:
        return times[OURS + NOT_DURABLE if name.endswith(NOT_DURABLE) else OURS]

    return harness.table(["", "s", "ratio"], [
        [name, f"{seconds:.2f}", harness.ratio(seconds, ours(name))]
        for name, seconds in times.items()])


def take_turns_saving(tensors: dict, target: str, rounds: int) -> dict:
    memory = filled_memory(sum(tensor.nbytes for tensor in tensors.values()))

    def run(save):
        if os.path.exists(target):
            os.unlink(target)
        os.sync()  # what others left to be written is not to be waited for
        return harness.timed(save)

    ways = {
        OURS: lambda: tensorhold.torch.save_file(tensors, target),
        REFERENCE + " + fsync": lambda: save_reference(tensors, target, True),
        "ceiling: direct writes": lambda: write_direct(target, memory),
        OURS + NOT_DURABLE: lambda: tensorhold.torch.save_file(tensors, target, durable=False),
        REFERENCE + NOT_DURABLE: lambda: save_reference(tensors, target, False),
    }
    times = harness.take_turns({name: lambda save=save: run(save) for name, save in ways.items()},
                               rounds, "saves")
    os.unlink(target)
    memory.close()
    return times
