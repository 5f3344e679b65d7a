#!/usr/bin/env python3
"""Files that we save against files that the reference package saves: they must be the same bytes.

    test_save.py DRIVER [--cases N] [--seed N]

DRIVER is the program built from save_driver.cpp; under pytest it is named by the environment variable
TENSORHOLD_SAVE_DRIVER. The reference is safetensors 0.8.0.
"""

import argparse
import ctypes
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

import safetensors
from headers import NAMES
from verdict import BITS, DTYPES, text

WRITABLE = {  # our dtype: the name that the package wants; it cannot write the six-bit ones
    "BOOL": "bool", "F4": "float4_e2m1fn_x2", "U8": "uint8", "I8": "int8",
    "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16",
    "U16": "uint16", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32",
    "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64",
}
METADATA = [None, {"format": "pt"}, {"": ""}, {"é\n\x00\x7f\u2028😀": "\"\\/\b\f\n\r\t\x1f"},
            {"a": "1", "b": "2", "c": "3", "__metadata__": "4"}]


class Tensor:
    def __init__(self, rng: random.Random, dtype: str, shape: list):
        bits = BITS[dtype]
        for extent in shape:
            bits *= extent
        self.dtype, self.shape, self.data = dtype, shape, rng.randbytes(bits // 8)


def fixed_cases(rng: random.Random):
    """(tensors, metadata): what a random case would not be sure to hit."""
    every = {f"t.{dtype}": Tensor(rng, dtype, [3, 4]) for dtype in WRITABLE}
    odd = {name: Tensor(rng, "F32", [2]) for name in NAMES if name != "__metadata__"}
    empty = {f"e{i}": Tensor(rng, dtype, shape) for i, (dtype, shape) in enumerate(
        [("F32", [0]), ("U8", [0, 5]), ("F64", []), ("BOOL", []), ("I64", [3, 0, 2]), ("F4", [0])])}
    many = {f"layer.{i}": Tensor(rng, rng.choice(["F16", "I8", "F32"]), [i % 13])
            for i in range(4000)}
    large = {"big": Tensor(rng, "BF16", [40_000_000]), "a": Tensor(rng, "U8", [3]),
             "z": Tensor(rng, "I64", [2])}
    cases = [({}, None), (many, None), (large, {"format": "pt"})]
    cases += [(tensors, metadata) for tensors in (every, odd, empty) for metadata in METADATA + [{}]]
    return cases


def random_case(rng: random.Random):
    tensors = {}
    for i in range(rng.choice([1, 2, 5, 40])):
        dtype = rng.choice(list(WRITABLE))
        shape = [rng.choice([0, 1, 2, 3, 8]) for _ in range(rng.choice([0, 1, 2, 3]))]
        if dtype == "F4":
            shape.append(2 * rng.choice([0, 1, 2, 5]))
        name = rng.choice(NAMES) + rng.choice(["", str(i), chr(rng.randrange(1, 0xD7FF))])
        if name != "__metadata__":
            tensors[name] = Tensor(rng, dtype, shape)
    return tensors, rng.choice(METADATA + [{}]) if tensors else None


def reference_file(path: str, tensors: dict, metadata) -> bytes:
    memory = {name: ctypes.create_string_buffer(tensor.data, max(1, len(tensor.data)))
              for name, tensor in tensors.items()}
    specs = {}
    for name, tensor in tensors.items():
        shape = tensor.shape
        if tensor.dtype == "F4":  # the package counts pairs
            shape = shape[:-1] + [shape[-1] // 2]
        specs[name] = safetensors.TensorSpec(
            dtype=WRITABLE[tensor.dtype], shape=shape,
            data_ptr=ctypes.addressof(memory[name]), data_len=len(tensor.data))
    safetensors.serialize_file(specs, path, metadata)
    with open(path, "rb") as file:
        return file.read()


def header_of(file: bytes) -> dict:
    return json.loads(file[8:8 + struct.unpack("<Q", file[:8])[0]])


def driver_case(path: str, tensors: list, metadata, align: int = 8, reserve: int = 0) -> bytes:
    out = [text(path.encode()), struct.pack("<QQI", align, reserve, len(tensors))]
    for name, tensor in tensors:
        out.append(text(name.encode()))
        out.append(struct.pack("<BB", DTYPES.index(tensor.dtype), len(tensor.shape)))
        out.append(struct.pack(f"<{len(tensor.shape)}QQ", *tensor.shape, len(tensor.data)))
        out.append(tensor.data)
    out.append(struct.pack("<I", 0xFFFFFFFF if metadata is None else len(metadata)))
    for key, value in (metadata or {}).items():
        out.append(text(key.encode()) + text(value.encode()))
    return b"".join(out)


def ask(driver: str, case: bytes) -> str:
    return subprocess.run([driver], input=case, stdout=subprocess.PIPE,
                          check=True).stdout.decode().strip()


def same_files(driver: str, folder: str, rng: random.Random, tensors: dict, metadata):
    """None, or what differs."""
    reference = reference_file(os.path.join(folder, "reference"), tensors, metadata)
    if metadata:  # the reference writes metadata in random order: follow it
        metadata = {key: metadata[key] for key in header_of(reference)["__metadata__"]}
    shuffled = list(tensors.items())
    rng.shuffle(shuffled)
    path = os.path.join(folder, "ours")
    answer = ask(driver, driver_case(path, shuffled, metadata))
    if answer != "ok":
        return f"ours says {answer}"
    for name in (path, path + ".memory"):
        with open(name, "rb") as file:
            if file.read() != reference:
                return f"{os.path.basename(name)} differs: " + repr(reference[:300])
    return None


def padded_file(driver: str, folder: str, rng: random.Random, align: int, reserve: int):
    """With padding the file is another one, but the reference reads the same from it."""
    tensors, metadata = random_case(rng)
    path = os.path.join(folder, "padded")
    answer = ask(driver, driver_case(path, list(tensors.items()), metadata, align, reserve))
    if answer != "ok":
        return f"padded: ours says {answer}"
    with open(path, "rb") as file:
        file_bytes = file.read()
    if (8 + struct.unpack("<Q", file_bytes[:8])[0]) % align != 0:
        return f"the data is not aligned to {align}"
    found = {name: (t["dtype"], t["shape"], bytes(t["data"]))
             for name, t in safetensors.deserialize(file_bytes)}
    wanted = {name: (t.dtype, t.shape, t.data) for name, t in tensors.items()}
    return None if found == wanted else f"the reference reads other values: {found!r}"


def compare(driver: str, count: int, seed: int) -> list:
    rng = random.Random(seed)
    cases = fixed_cases(rng) + [random_case(rng) for _ in range(count)]
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for tensors, metadata in cases:
            failures.append(same_files(driver, folder, rng, tensors, metadata))
        for align in (8, 64, 4096):
            for reserve in (0, 1, 1000):
                failures.append(padded_file(driver, folder, rng, align, reserve))
        left = sorted(os.listdir(folder))
        if left != ["ours", "ours.memory", "padded", "padded.memory", "reference"]:
            failures.append(f"litter: {left}")
    print(f"{len(failures)} files compared")
    return [failure for failure in failures if failure]


def test_same_files_as_the_reference():
    import pytest
    driver = os.environ.get("TENSORHOLD_SAVE_DRIVER")
    if not driver:
        pytest.skip("TENSORHOLD_SAVE_DRIVER does not name the driver")
    assert compare(driver, 200, 1) == []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if safetensors.__version__ != "0.8.0":
        print(f"note: the reference is {safetensors.__version__}, not 0.8.0")
    failures = compare(options.driver, options.cases, options.seed)
    for failure in failures[:20]:
        print("DISAGREE", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
