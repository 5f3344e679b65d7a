"""Generates headers, good ones and bad ones, from a seed."""

import json
import random

from verdict import BITS, DTYPES

PLAIN = '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
NAMES = ["a", "weight", "model.layers.0.self_attn.q_proj.weight", "", "é", "日本", "😀", "a b",
         "_", "__metadata", "__metadata__x", "x" * 70, "\x7f", "quote\"", "back\\slash", "tab\t",
         "\x00", "\u2028", "/"]
ODD_VALUES = ["1", "-1", "0", "-0", "1.5", "1e5", "1E+5", "1e-5", "1e308", "1e309", "1e400",
              "-1e400", "0e400", "1e-400", "1.7976931348623157e308", "1.7976931348623158e308",
              "1.7976931348623159e308", "17976931348623158" + "0" * 292, "9" * 308, "9" * 309,
              "0." + "0" * 400 + "1e700", "123456789012345678901234567890", "18446744073709551615",
              "18446744073709551616", "1e99999999999", "0e99999999999", "1e-99999999999", "1e00005",
              "1.0", "01", "1.", ".5", "+1", "1e", "1e+", "-", "0x1", "NaN", "Infinity", "true",
              "false", "null", "True", "tru", "nul", '""', '"\\u00e9"', '"\\ud83d\\ude00"',
              '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\ud800x"', '"\\ud800\\ud800"',
              '"\\u12"', '"\\u12g4"', '"\\x41"', '"\\/"', '"\\b\\f\\n\\r\\t\\"\\\\"', '"\x01"',
              '"\n"', '"\x7f"', "[]", "{}", "[1,2]", '{"k":1}', '{"k":1,"k":2}', "[1,]", "[,1]",
              "[1 2]", '{"k"}', '{"k":}', "{1:2}", "{,}", '{"k":1,}', "[" * 125 + "]" * 125,
              "[" * 126 + "]" * 126, '{"k":' * 125 + "1" + "}" * 125,
              '{"k":' * 126 + "1" + "}" * 126, "[" * 3000, "[" * 3000 + "]" * 3000]
SPACES = ["", "", "", " ", "\n", "\t", "\r", "  ", " \n\t\r "]


def fixed_cases():
    """(header, bytes of data): the contested cases, each spelled out."""
    cases = [(PLAIN, 1), (PLAIN, 0), (PLAIN, 2), ("{}", 0), ("{}", 1), ("", 0), ("   ", 0),
             ("null", 0), ("[]", 0), ("1", 0), ('"x"', 0), ("{", 0), ("}", 0), ("{}{}", 0),
             ("{}x", 0), ("{}\0", 0), ("\ufeff" + PLAIN, 1), ("\x0c" + PLAIN, 1),
             (" \n\t\r" + PLAIN, 1), (PLAIN + " \n\t\r", 1), (PLAIN[:-1] + ",}", 1)]
    for metadata in ["null", "{}", '{"k":"v"}', '{"k":1}', '{"k":null}', '{"k":{}}', "[]", '"x"',
                     "1", "true", '{"k":"v","k":"w"}', '{"":""}', '{"k":"\\ud800"}',
                     '{"\\u006b":"v","k":"w"}', '{"é\\n":"\\u0000"}']:
        for key in ["__metadata__", "__met\\u0061data__"]:
            cases.append(('{"%s":%s}' % (key, metadata), 0))
            cases.append(('{"%s":%s,%s' % (key, metadata, PLAIN[1:]), 1))
            cases.append((PLAIN[:-1] + ',"%s":%s}' % (key, metadata), 1))
            cases.append(('{"__metadata__":null,"%s":%s}' % (key, metadata), 0))
    for value in ODD_VALUES:
        cases.append((PLAIN[:-2] + ',"x":%s}}' % value, 1))
        cases.append(('{"a":%s}' % value, 0))
        for shape in ["[%s]", "[0,%s]", "[%s,0]", "[1,%s]", "%s"]:
            for size in (0, 1):
                cases.append(('{"a":{"dtype":"U8","shape":%s,"data_offsets":[0,%d]}}'
                              % (shape % value, size), size))
        for offsets in ["[%s,1]", "[0,%s]", "[0,1,%s]", "[%s]", "%s"]:
            cases.append(('{"a":{"dtype":"U8","shape":[1],"data_offsets":%s}}'
                          % (offsets % value), 1))
        cases.append(('{"a":{"dtype":%s,"shape":[1],"data_offsets":[0,1]}}' % value, 1))
    for dtype in DTYPES + ["u8", "U8 ", "", "F128", "F8_E4M3FN", "\\u00558", "F8_E4M3FNUZX"]:
        for extents in ([], [0], [1], [2], [3], [4], [8], [2, 3], [0, 3]):
            count = 1
            for extent in extents:
                count *= extent
            size = count * BITS.get(dtype, 8) // 8
            cases.append(('{"a":{"dtype":"%s","shape":%s,"data_offsets":[0,%d]}}'
                          % (dtype, json.dumps(extents), size), size))
    entry = {"dtype": '"dtype":"U8"', "shape": '"shape":[1]', "offsets": '"data_offsets":[0,1]'}
    for left_out in entry:
        kept = [text for field, text in entry.items() if field != left_out]
        cases.append(('{"a":{%s}}' % ",".join(kept), 1))
        for again in entry:
            cases.append(('{"a":{%s,%s}}' % (",".join(entry.values()), entry[again]), 1))
    huge = [1 << 61, 1 << 62, 1 << 63, (1 << 64) - 1, 1 << 32]
    for first in huge:
        for second in huge + [0, 1, 2]:
            for dtype in ("U8", "F4", "U64"):
                for size in (0, 1):
                    cases.append(('{"a":{"dtype":"%s","shape":[%d,%d],"data_offsets":[0,%d]}}'
                                  % (dtype, first, second, size), size))
    cases += [('{"a":["U8",[1],[0,1]]}', 1), ('{"a":["U8",[1]]}', 1),
              ('{"a":{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}}', 1),
              ('{"a":{"dtype":{"U8":1},"shape":[1],"data_offsets":[0,1]}}', 1)]
    return [(header.encode(), size) for header, size in cases] + [
        (b'{"\xff":' + PLAIN[5:].encode(), 1), (b'{"\xed\xa0\x80":' + PLAIN[5:].encode(), 1),
        (b'{"\xc0\x80":' + PLAIN[5:].encode(), 1), (b'{"\xf4\x90\x80\x80":1}', 0),
        (b'{"a":1}\xe2\x82', 0)]


class Generator:
    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def case(self):
        header, size = self.header()
        header = header.encode("utf-8", "surrogatepass")
        if self.random.random() < 0.35:
            header = self.damaged(header)
        if self.random.random() < 0.05:
            size = max(0, size + self.random.choice([-1, 1, -8, 8]))
        return header, size

    def spelled(self, name: str) -> str:
        """A JSON string, in one of its spellings."""
        if self.random.random() < 0.7:
            return json.dumps(name, ensure_ascii=self.random.random() < 0.5)
        return '"' + "".join("\\u%04x" % ord(c) if ord(c) < 0x10000 else c for c in name) + '"'

    def header(self):
        rng = self.random
        spaced = rng.random() < 0.3
        gap = (lambda: rng.choice(SPACES)) if spaced else (lambda: "")
        odd = rng.random() < 0.3
        rows = []
        at = 0
        for i in range(rng.choice([0, 1, 1, 2, 3, 5, 20])):
            dtype = rng.choice(DTYPES)
            shape = [rng.choice([0, 1, 2, 3, 4, 8, 16]) for _ in range(rng.choice([0, 1, 1, 2, 3, 5]))]
            bits = BITS[dtype]
            for extent in shape:
                bits *= extent
            size = bits // 8
            if rng.random() < 0.01:
                at += rng.choice([-1, 1, 8])  # a hole or an overlap
            name = rng.choice(NAMES) + (str(i) if rng.random() < 0.95 else "")
            rows.append((name, dtype, shape, max(at, 0), max(at, 0) + size))
            at = max(at, 0) + size
        if rng.random() < 0.3:
            rng.shuffle(rows)
        members = [self.member(row, gap, odd) for row in rows]
        if rng.random() < 0.3:
            pairs = [(rng.choice(NAMES) + str(rng.randrange(9)), rng.choice(NAMES))
                     for _ in range(rng.choice([0, 1, 1, 3]))]
            inner = ",".join(gap() + self.spelled(k) + gap() + ":" + gap() + self.spelled(v) + gap()
                             for k, v in pairs)
            metadata = rng.choice(["{" + inner + "}"] * 9 + ["null"])
            place = rng.choice([0, 0, rng.randrange(len(members) + 1)])
            members.insert(place, '"__metadata__"' + gap() + ":" + gap() + metadata)
        text = gap() + "{" + ",".join(gap() + m + gap() for m in members) + "}" + gap()
        return text + " " * rng.choice([0, 0, 1, 7]), at

    def member(self, row, gap, odd):
        rng = self.random
        name, dtype, shape, begin, end = row
        array = lambda values: "[" + gap() + ("," + gap()).join(map(str, values)) + gap() + "]"
        fields = ['"dtype"' + gap() + ":" + gap() + '"%s"' % dtype,
                  '"shape"' + gap() + ":" + gap() + array(shape),
                  '"data_offsets"' + gap() + ":" + array([begin, end])]
        order = rng.random()
        if order < 0.2:
            fields = [fields[2], fields[0], fields[1]]
        elif order < 0.3:
            rng.shuffle(fields)
        if odd and rng.random() < 0.3:
            fields.insert(rng.randrange(4), '"%s":%s' % (rng.choice(["x", "device", "é", ""]),
                                                        rng.choice(ODD_VALUES)))
        inside = ",".join(gap() + field + gap() for field in fields)
        return self.spelled(name) + gap() + ":" + gap() + "{" + inside + "}"

    def damaged(self, header: bytes) -> bytes:
        rng = self.random
        bytes_ = bytearray(header)
        alphabet = b'{}[]:,"\\ 0123456789-+.eEutfn\n\x00\x1f\xc3\xa9\xff'
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            at = rng.randrange(len(bytes_) + 1)
            what = rng.randrange(4)
            if what == 0 and at < len(bytes_):
                bytes_[at] = rng.choice(alphabet)
            elif what == 1:
                bytes_.insert(at, rng.choice(alphabet))
            elif what == 2:
                del bytes_[at:at + rng.choice([1, 1, 2, 10])]
            else:
                other = rng.randrange(len(bytes_) + 1)
                bytes_[at:at] = bytes_[other:other + rng.randrange(12)]
        return bytes(bytes_)
