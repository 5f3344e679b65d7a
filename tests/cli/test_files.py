#!/usr/bin/env python3
"""Several files at once, what JSON says, lines as wide as the terminal. Run as test_cli.py."""

import json
import os
import struct
import subprocess
import unittest

from command import COMMAND, ON_WINE, Case, columns, run, safetensors


class Files(Case):
    """Two files that are valid, one that is not, and one that is not there."""

    def setUp(self):
        super().setUp()
        first = safetensors([("w", "F32", [2], struct.pack("<2f", 1, 2))], {"epoch": "1"})
        second = safetensors([("w", "U8", [3], b"abc"), ("x", "U8", [1], b"z")], {"epoch": "2"})
        self.first, self.second = self.file(first, "first"), self.file(second, "second")
        self.bad, self.absent = self.file(b"<html></html>", "bad"), self.folder / "absent"

    def test_each_has_a_heading_and_one_that_fails_stops_no_other(self):
        for arguments in (["ls"], ["meta"]):
            both = run(*arguments, self.first, self.second)
            lines = self.lines(both)
            for path in (self.first, self.second):
                self.assertIn(f"{path}:", lines)
            one = self.lines(run(*arguments, self.second))
            self.assertEqual(lines[-len(one):], one)
            mixed = run(*arguments, self.bad, self.first, self.absent, self.second)
            self.assertEqual(mixed.returncode, 2)
            self.assertIn(b"(not_safetensors)", mixed.stderr)
            self.assertIn(b"(not_found)", mixed.stderr)
            self.assertEqual(mixed.stdout.decode().splitlines()[-len(one):], one)
            self.assertEqual(run(*arguments, self.bad, self.first).returncode, 1)

    def test_show_of_the_same_tensor_in_others(self):
        lines = self.lines(run("show", self.first, "w", "0:1", "--also", self.second))
        self.assertIn("  F32 [1], 4 B", lines)
        self.assertIn("  U8 [1], 1 B", lines)
        result = run("show", self.first, "x", "--also", self.second, "--json")
        self.assertEqual(result.returncode, 2)
        first, second = json.loads(result.stdout)
        self.assertEqual(first["error"]["code"], "tensor_not_found")
        self.assertEqual((second["name"], second["slice"], second["values"]), ("x", None, [122]))

    def test_json_of_several_is_an_array_with_the_errors_in_it(self):
        for arguments in (["ls"], ["meta"], ["holders"]):
            result = run(*arguments, self.first, self.absent, "--json")
            self.assertEqual(result.returncode, 2)
            first, absent = json.loads(result.stdout)
            self.assertEqual(first["path"], str(self.first))
            self.assertEqual(absent["error"]["code"], "not_found")
            self.assertTrue(absent["error"]["advice"])
            self.assertEqual(json.loads(run(*arguments, self.first, "--json").stdout), first)

    def test_totals_of_a_check(self):
        result = run("check", self.first, self.bad, self.second, self.absent)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stdout.decode().splitlines()[-1],
                         "4 files: 2 valid, 1 invalid, 1 that cannot be checked; 3 tensors, 12 B")
        self.assertEqual(len(self.lines(run("check", self.first))), 1)  # one is its own total

    def test_quiet_says_what_is_wrong_and_nothing_else(self):
        self.assertEqual(self.lines(run("check", "--quiet", self.first, self.second)), [])
        result = run("check", "--quiet", self.first, self.bad)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.count(b"\n"), 1)
        self.assertIn(b"(not_safetensors)", result.stdout)
        self.assertEqual(json.loads(run("check", "--quiet", "--json", self.first).stdout), [])

    def test_json_of_a_check_has_the_totals(self):
        second, bad = json.loads(run("check", self.second, self.bad, "--json").stdout)
        self.assertEqual((second["valid"], second["tensors"], second["parameters"],
                          second["nbytes"]), (True, 2, 4, 4))
        self.assertEqual(second["file_bytes"], self.second.stat().st_size)
        self.assertEqual((bad["valid"], bad["code"]), (False, "not_safetensors"))

    def test_longest_header(self):
        length = struct.unpack("<Q", self.first.read_bytes()[:8])[0]
        for arguments in (["ls", self.first], ["show", self.first, "w"], ["check", self.first],
                          ["meta", self.first]):
            refused = run(*arguments, "--header-limit", length - 1)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(b"header_too_large", refused.stdout + refused.stderr)
            self.lines(run(*arguments, "--header-limit", length))
        self.error(run("ls", self.first, "--header-limit", "-1"), 2)

    def test_rm_and_mv_as_json(self):
        said = json.loads(run("mv", self.first, self.second, "--json").stdout)
        self.assertEqual((said["path"], said["moved_to"], said["holders"]),
                         (str(self.second), None, []))
        result = run("rm", self.second, self.absent, "--json")
        self.assertEqual(result.returncode, 2)
        second, absent = json.loads(result.stdout)
        self.assertEqual(second["path"], str(self.second))
        self.assertEqual(absent["error"]["code"], "not_found")
        self.assertFalse(self.second.exists())


class Replacement(Case):
    """What mv lets take a model's place."""

    def test_only_a_valid_file_takes_a_models_place(self):
        good = safetensors([("w", "U8", [1], b"x")])
        model = self.file(good, "model")
        for content, code in ((b"<!DOCTYPE html><html>404</html>", "not_safetensors"),
                              (b"", "not_safetensors"), (good[:-1], "data_truncated"),
                              (good + b"x", "trailing_bytes")):
            new = self.file(content, "new")
            result = run("mv", new, model)
            said = self.error(result, 1)
            self.assertIn(f"({code})", said)
            self.assertIn("--force", said)
            self.assertEqual((model.read_bytes(), new.read_bytes()), (good, content))
        self.lines(run("mv", "--force", new, model))
        self.assertEqual(model.read_bytes(), good + b"x")


@unittest.skipIf(ON_WINE, "a terminal of this system")
class Width(Case):
    """Lines as wide as the terminal."""

    NAME = "layers.0.experts.0.post_attention_layernorm_of_the_second_kind_and_more_of_it.weight"

    def shown(self, width, *arguments, environment=None):
        """What a terminal of `width` columns gets; 0: one that does not say how wide it is."""
        import fcntl
        import termios
        terminal, side = os.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", 50, width, 0, 0))
        variables = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | (environment or {})
        process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=side, env=variables)
        os.close(side)
        text = b""
        try:
            while piece := os.read(terminal, 65536):
                text += piece
        except OSError:
            pass  # how a terminal says that its other side is closed
        os.close(terminal)
        self.assertEqual(process.wait(timeout=60), 0)
        return text.decode().replace("\r\n", "\n").splitlines()

    def test_tables_metadata_and_values(self):
        path = self.file(safetensors([(self.NAME, "U8", [100], bytes(range(100)))],
                                     {"note": "n" * 300}))
        for arguments in (["ls", path], ["meta", path], ["show", path, self.NAME, "--values", 100]):
            for width, widest in ((60, 60), (40, 60), (200, 200), (0, 80)):
                got = max(map(columns, self.shown(width, *arguments)))
                self.assertLessEqual(got, widest, arguments)
                self.assertGreater(got, widest - 20 if arguments[0] != "ls" else 0, arguments)
        self.assertIn(self.NAME, "\n".join(self.shown(200, "ls", path)))
        self.assertIn(self.NAME, "\n".join(self.shown(60, "ls", path,
                                                      environment={"COLUMNS": "180"})))
        self.assertIn("…", "\n".join(self.shown(200, "ls", path, environment={"COLUMNS": "70"})))
        self.assertIn(self.NAME, "\n".join(self.shown(200, "ls", path,
                                                      environment={"COLUMNS": "wide"})))


if __name__ == "__main__":
    unittest.main()
