#!/usr/bin/env python3
"""Our header parser and writer against the reference package, on thousands of generated cases.

    test_headers.py DRIVER [--cases N] [--seed N]

DRIVER is the program built from header_verdict.cpp. The reference is safetensors 0.8.0. Every
disagreement that docs/format.md does not list is a failure.
"""

import argparse
import ctypes
import json
import os
import random
import struct
import sys
import tempfile

import safetensors
from headers import NAMES, Generator, fixed_cases
from verdict import BITS, answers, layout_case, parse_case, parsed

WRITABLE = {  # our dtype: the name that the package wants
    "BOOL": "bool", "F4": "float4_e2m1fn_x2", "U8": "uint8", "I8": "int8",
    "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16",
    "U16": "uint16", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32",
    "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64",
}


def pattern(size: int) -> bytes:
    return bytes((i * 131 + i // 256) % 256 for i in range(size))


def reference_verdict(header: bytes, data: bytes):
    """{name: (dtype, shape, bytes)} or the error's text."""
    try:
        found = safetensors.deserialize(struct.pack("<Q", len(header)) + header + data)
    except safetensors.SafetensorError as error:
        return str(error)
    return {name: (t["dtype"], t["shape"], bytes(t["data"])) for name, t in found}


def reference_metadata(header: bytes, data: bytes):
    with tempfile.NamedTemporaryFile(suffix=".safetensors", delete=False) as file:
        file.write(struct.pack("<Q", len(header)) + header + data)
    try:
        with safetensors.safe_open(file.name, framework="np") as opened:
            return opened.metadata()
    finally:
        os.unlink(file.name)


def deviation(header: bytes, code: str):
    """Which row of docs/format.md explains that we refuse what the reference accepts."""
    doubles = []

    def pairs(items):
        keys = [key for key, _ in items]
        doubles.append(len(set(keys)) != len(keys))
        return dict(items)

    top = json.loads(header, object_pairs_hook=pairs)
    if code == "duplicate_name":
        return "duplicate keys" if any(doubles) else None
    entries = [value for key, value in top.items() if key != "__metadata__"]
    if code == "invalid_entry":
        if any(isinstance(entry, list) for entry in entries):
            return "entry as an array"
        if any(isinstance(entry.get("dtype"), dict) for entry in entries):
            return "dtype as an object"
    return None


def compare_headers(driver: str, cases: list):
    counts = {"accepted": 0, "refused": 0, "fast path": 0}
    failures = []
    lines = answers(driver, [parse_case(header, size) for header, size in cases])
    for (header, size), line in zip(cases, lines):
        data = pattern(size)
        reference = reference_verdict(header, data)
        ours = line.startswith("ok ")
        theirs = not isinstance(reference, str)
        if ours and theirs:
            metadata, rows, fast = parsed(line)
            counts["accepted"] += 1
            counts["fast path"] += fast
            values = {name: (dtype, shape, data[begin:end])
                      for name, dtype, shape, begin, end in rows}
            if values != reference:
                failures.append((header, size, line, "other values"))
            elif metadata and reference_metadata(header, data) != metadata:
                failures.append((header, size, line, "other metadata"))
        elif ours != theirs:
            why = deviation(header, line.split(" ")[1]) if theirs else None
            if why:
                counts["deviation: " + why] = counts.get("deviation: " + why, 0) + 1
            else:
                failures.append((header, size, line, reference))
        else:
            counts["refused"] += 1
    return counts, failures


def writer_case(rng: random.Random):
    """(tensors, metadata) that both writers can write."""
    tensors = {}
    for i in range(rng.choice([0, 1, 2, 5, 40])):
        dtype = rng.choice(list(WRITABLE))
        shape = [rng.choice([0, 1, 2, 3, 8]) for _ in range(rng.choice([0, 1, 2, 3]))]
        if dtype == "F4":
            shape = shape + [2 * rng.choice([0, 1, 2, 5])]
        bits = BITS[dtype]
        for extent in shape:
            bits *= extent
        name = rng.choice(NAMES) + rng.choice(["", str(i), chr(rng.randrange(1, 0xD7FF))])
        if name != "__metadata__":
            tensors[name] = (dtype, shape, bits // 8)
    metadata = None
    if rng.random() < 0.6:
        metadata = {rng.choice(NAMES) + chr(rng.randrange(0, 0x300)): rng.choice(NAMES)
                    for _ in range(rng.choice([0, 1, 1, 2, 5]))}
    return tensors, metadata


def reference_prefix(tensors: dict, metadata, memory: int) -> bytes:
    specs = {}
    for name, (dtype, shape, nbytes) in tensors.items():
        stored = shape[:-1] + [shape[-1] // 2] if dtype == "F4" else shape
        specs[name] = safetensors.TensorSpec(dtype=WRITABLE[dtype], shape=stored, data_ptr=memory,
                                             data_len=nbytes)
    file = bytes(safetensors.serialize(specs, metadata))
    return file[:8 + struct.unpack("<Q", file[:8])[0]]


def compare_writers(driver: str, count: int, seed: int):
    rng = random.Random(seed)
    buffer = ctypes.create_string_buffer(1 << 16)
    memory = ctypes.addressof(buffer)
    cases, expected = [], []
    skipped = 0
    while len(cases) < count:
        tensors, metadata = writer_case(rng)
        if not tensors and metadata == {}:
            skipped += 1  # the reference writes text that is not JSON; see docs/format.md
            continue
        prefix = reference_prefix(tensors, metadata, memory)
        if metadata:  # the reference writes metadata in random order: follow it
            order = json.loads(prefix[8:])["__metadata__"]
            metadata = {key: metadata[key] for key in order}
        shuffled = list(tensors.items())
        rng.shuffle(shuffled)
        cases.append(layout_case([(name, *tensor) for name, tensor in shuffled], metadata))
        expected.append(prefix)
    failures = []
    for case, prefix, line in zip(cases, expected, answers(driver, cases)):
        ours = line.split(" ")[1]
        if ours != "x" + prefix.hex():
            failures.append((case, 0, line, prefix))
    return {"identical headers": len(cases) - len(failures),
            "deviation: empty metadata without tensors": skipped}, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver")
    parser.add_argument("--cases", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if safetensors.__version__ != "0.8.0":
        print(f"note: the reference is {safetensors.__version__}, not 0.8.0")
    generator = Generator(options.seed)
    cases = fixed_cases() + [generator.case() for _ in range(options.cases)]
    failed = False
    for counts, failures in (compare_headers(options.driver, cases),
                             compare_writers(options.driver, options.cases // 10, options.seed)):
        print(", ".join(f"{count} {what}" for what, count in counts.items()))
        for header, size, ours, reference in failures[:20]:
            print(f"DISAGREE on {header!r} with {size} bytes of data\n  ours: {ours}\n"
                  f"  reference: {reference!r}")
        if failures:
            print(f"{len(failures)} disagreements")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
