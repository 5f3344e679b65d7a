"""Talks to the header_verdict program: our parser's and writer's answers, one case at a time or many."""

import struct
import subprocess

DTYPES = [
    "BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0",
    "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64",
    "F64", "I64", "U64",
]
BITS = dict(zip(DTYPES, [8, 4, 6, 6, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 64, 64, 64, 64]))


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def parse_case(header: bytes, data_bytes: int) -> bytes:
    return b"P" + text(header) + struct.pack("<Q", 8 + len(header) + data_bytes)


def layout_case(tensors, metadata) -> bytes:
    """tensors: (name, dtype, shape, nbytes); metadata: None or a dict in the order to write."""
    out = [b"L", struct.pack("<I", len(tensors))]
    for name, dtype, shape, nbytes in tensors:
        out.append(text(name.encode()) + struct.pack("<BB", DTYPES.index(dtype), len(shape)))
        out.append(struct.pack(f"<{len(shape)}QQ", *shape, nbytes))
    out.append(struct.pack("<I", 0xFFFFFFFF if metadata is None else len(metadata)))
    for key, value in (metadata or {}).items():
        out.append(text(key.encode()) + text(value.encode()))
    return b"".join(out)


def answers(driver: str, cases: list) -> list:
    """One line of the program for each case."""
    done = subprocess.run([driver], input=b"".join(cases), stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    if len(lines) != len(cases):
        raise SystemExit(f"{len(cases)} cases, {len(lines)} answers")
    return lines


def unhex(word: str) -> str:
    return bytes.fromhex(word[1:]).decode()


def parsed(line: str):
    """(metadata or None, [(name, dtype, shape, begin, end)], fast path taken) of an ok line."""
    _, way, metadata, *tensors = line.split(" ")
    flag, *pairs = metadata.split(",")
    values = {unhex(k): unhex(v) for k, v in (pair.split("=") for pair in pairs)}
    rows = []
    for tensor in tensors:
        name, dtype, shape, begin, end, *lost = tensor.split(":")
        if lost:
            raise SystemExit(f"find() does not find {unhex(name)!r}")
        extents = [int(extent) for extent in shape.split(",") if extent]
        rows.append((unhex(name), dtype, extents, int(begin), int(end)))
    return (values if flag == "m" else None), rows, way == "canonical"
