#!/usr/bin/env python3
"""The command show: values and statistics. Run as test_cli.py."""

import json
import os
import struct
import unittest

from command import DATA, MODEL, ON_WINE, Case, run, safetensors, sparse

if not ON_WINE:
    import resource


class Show(Case):
    def show(self, path, *arguments):
        return json.loads(run("show", path, *arguments, "--json").stdout)

    def test_values_and_statistics(self):
        said = self.show(self.floats(), "w")
        self.assertEqual(said["values"], [0, 1, 2, 3, 4, 5])
        self.assertEqual((said["min"], said["max"], said["mean"]), (0, 5, 2.5))
        self.assertAlmostEqual(said["deviation"], 1.707825127659933)
        self.assertEqual((said["count"], said["zeros"]), (6, 1))

    def test_text_fits(self):
        content = struct.pack("<600d", *[i * 1.23456789e-200 for i in range(600)])
        path = self.file(safetensors([("w", "F64", [600], content)]))
        lines = self.lines(run("show", path, "w", "--values", 500))
        self.assertIn("F64 [600], 4.7 KiB", lines[1])
        self.assertTrue(lines[-1].endswith("..."))

    def test_not_finite_values_are_counted(self):
        content = struct.pack("<4f", float("nan"), float("inf"), -float("inf"), 2)
        path = self.file(safetensors([("w", "F32", [4], content)]))
        said = self.show(path, "w")
        self.assertEqual((said["nans"], said["infinities"], said["max"]), (1, 2, 2))
        self.assertEqual(said["values"], [None, None, None, 2])

    def test_slices_are_those_of_python(self):
        path = self.floats(24, [2, 3, 4])
        grid = [[[float(12 * i + 4 * j + k) for k in range(4)] for j in range(3)] for i in range(2)]
        expected = {
            "0": [x for row in grid[0] for x in row],
            "-1, 2": grid[1][2],
            "..., ::2": [x for plane in grid for row in plane for x in row[::2]],
            ":, 1:, -1": [row[-1] for plane in grid for row in plane[1:]],
            "[1:9, :-1, 1:3]": [x for plane in grid[1:] for row in plane[:-1] for x in row[1:3]],
            "1, 1, 1": [grid[1][1][1]],
        }
        for text, values in expected.items():
            self.assertEqual(self.show(path, "w", text)["values"], values, text)

    def test_slices_that_are_none(self):
        path = self.floats()
        for text in ("x", "1:2:3:4", "1,,2", "7", "::0", "::-1", "0,0", "99999999999999999999"):
            self.assertIn("invalid_slice", self.error(run("show", path, "w", text), 2), text)

    def test_unknown_names_suggest_known_ones(self):
        said = self.error(run("show", MODEL, "conv1.wieght"), 2)
        self.assertIn("tensor_not_found", said)
        self.assertIn('"conv1.weight"', said)
        self.assertIn("tensorhold ls", self.error(run("show", MODEL, "nothing like any"), 2))

    def test_every_dtype_of_a_file(self):
        path = DATA / "ten-dtypes.safetensors"
        for tensor in json.loads(run("ls", path, "--json").stdout)["tensors"]:
            self.lines(run("show", path, tensor["name"]))

    def test_integers_are_exact(self):
        for dtype, letter, values in (
                ("I64", "q", [2**63 - 1, -2**63, 2**53 + 1, -1]),
                ("U64", "Q", [2**64 - 1, 0, 2**53 + 1]),
                ("I32", "i", [2**31 - 1, -2**31]), ("U32", "I", [2**32 - 1, 123456789]),
                ("I16", "h", [-2**15, 2**15 - 1]), ("U16", "H", [2**16 - 1]),
                ("I8", "b", [-128, 127]), ("U8", "B", [255]), ("BOOL", "B", [0, 1])):
            content = struct.pack(f"<{len(values)}{letter}", *values)
            path = self.file(safetensors([("w", dtype, [len(values)], content)]))
            said = self.show(path, "w")
            self.assertEqual(said["values"], values, dtype)
            self.assertEqual((said["min"], said["max"]), (min(values), max(values)), dtype)
            self.assertTrue(all(isinstance(value, int) for value in said["values"]), dtype)
            self.assertAlmostEqual(said["mean"] / (sum(values) / len(values)), 1)
            lines = self.lines(run("show", path, "w"))
            self.assertEqual(lines[-1].split(), [str(value) for value in values])
            self.assertIn(f"min {min(values)}, max {max(values)}, ", lines[2])

    def test_integers_in_many_pieces(self):
        values = [2**60 + i * 7 for i in range(10_000)]
        content = struct.pack(f"<{len(values)}q", *values)
        said = self.show(self.file(safetensors([("w", "I64", [len(values)], content)])), "w")
        self.assertEqual((said["min"], said["max"], said["count"]),
                         (values[0], values[-1], len(values)))

    def test_complex_values_are_one_each(self):
        content = struct.pack("<8f", 1, 2, 3, -4, 0, 0, float("nan"), 1)
        path = self.file(safetensors([("w", "C64", [4], content)]))
        said = self.show(path, "w")
        self.assertEqual(said["values"], [[1, 2], [3, -4], [0, 0], [None, 1]])
        self.assertEqual((said["count"], said["zeros"], said["nans"], said["infinities"]),
                         (4, 1, 1, 0))
        mean = complex(4, -2) / 3
        self.assertIsNone(said["min"])
        self.assertIsNone(said["max"])
        self.assertAlmostEqual(complex(*said["mean"]), mean)
        squares = [abs(value - mean) ** 2 for value in (1 + 2j, 3 - 4j, 0)]
        self.assertAlmostEqual(said["deviation"], (sum(squares) / 3) ** 0.5)
        lines = self.lines(run("show", path, "w"))
        self.assertEqual(lines[-1].split(), ["1+2j", "3-4j", "0+0j", "nan+1j"])

    def test_nothing_finite_has_no_minimum(self):
        nothing = (("F32", [0], b""), ("I64", [0], b""),
                   ("F32", [2], struct.pack("<2f", float("nan"), float("inf"))))
        for dtype, shape, content in nothing:
            path = self.file(safetensors([("w", dtype, shape, content)]))
            said = self.show(path, "w")
            self.assertEqual([said[key] for key in ("min", "max", "mean", "deviation")], [None] * 4)
            self.assertNotIn("min", "".join(self.lines(run("show", path, "w"))))

    def test_counts_of_values(self):
        path = self.floats()
        self.assertEqual(self.show(path, "w", "--values", 2)["values"], [0, 1])
        self.assertEqual(self.show(path, "w", "--values", 0)["values"], [])
        for wrong in ("-1", "x", "1.5", ""):
            self.assertTrue(self.error(run("show", path, "w", "--values", wrong), 2), wrong)


    @unittest.skipIf(ON_WINE or os.environ.get("TENSORHOLD_SANITIZE"),
                     "no such limit, or a sanitizer, which takes more")
    def test_works_where_address_space_is_limited(self):
        path = sparse(self.folder / "f", {"big": 400 << 20})

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (300 << 20,) * 2)

        for command in (("ls",), ("show", "big"), ("show", "big", "5:7"), ("meta",), ("check",)):
            name, *rest = command
            self.lines(run(name, path, *rest, preexec_fn=limit))
        said = json.loads(run("show", path, "big", "--json", preexec_fn=limit).stdout)
        self.assertEqual((said["count"], said["zeros"]), (400 << 20, 400 << 20))
        self.assertEqual(said["values"], [0] * 24)


if __name__ == "__main__":
    unittest.main()
