#!/usr/bin/env python3
"""Metadata from files and into them, and printed as it is. Run as test_cli.py."""

import json
import struct
import unittest

from command import Case, run, safetensors


class MetadataFiles(Case):
    LONG = "data:image/jpeg;base64," + "A" * 300_000  # longer than an argument may be

    def setUp(self):
        super().setUp()
        self.model = self.file(safetensors([("w", "F32", [2], struct.pack("<2f", 1, 2))],
                                           {"epoch": "1"}))

    def edit(self, *arguments, model=None, **options):
        result = run("meta", model or self.model, *arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def metadata(self):
        return json.loads(run("meta", self.model, "--json").stdout)["metadata"]

    def json_file(self, value):
        return self.file(json.dumps(value).encode(), "notes.json")

    def test_a_value_from_a_file_and_from_standard_input(self):
        thumbnail = self.file(self.LONG.encode(), "thumbnail")
        self.edit("--set-file", f"thumbnail={thumbnail}")
        self.edit("--set-file", "note=-", input=b"two\nlines")
        self.assertEqual(self.metadata(),
                         {"epoch": "1", "thumbnail": self.LONG, "note": "two\nlines"})
        got = run("meta", self.model, "--get", "thumbnail")
        self.assertEqual((got.returncode, got.stdout), (0, self.LONG.encode()))
        self.assertEqual(run("meta", self.model, "--get", "note").stdout, b"two\nlines")

    def test_pairs_from_json_and_back(self):
        pairs = {"b": "\u00e9\n\"", "a": self.LONG, "epoch": "2"}
        self.edit("--from", self.json_file(pairs))
        self.assertEqual(self.metadata(), {"epoch": "2", "b": pairs["b"], "a": self.LONG})
        # What one file says of itself is what another one takes.
        printed = self.file(run("meta", self.model, "--json").stdout, "printed.json")
        other = self.file(safetensors([]), "other")
        self.edit("--from", printed, model=other)
        self.assertEqual(json.loads(run("meta", other, "--json").stdout)["metadata"],
                         self.metadata())
        self.edit("--from", "-", "--remove", "a", model=other, input=b'{"c": "3"}')
        self.assertEqual(sorted(json.loads(run("meta", other, "--json").stdout)["metadata"]),
                         ["b", "c", "epoch"])

    def test_what_is_given_wins_over_the_file(self):
        self.edit("--from", self.json_file({"epoch": "2", "x": "y"}), "--set", "epoch=3")
        self.assertEqual(self.metadata(), {"epoch": "3", "x": "y"})

    def test_what_cannot_be_metadata_is_refused_by_its_key(self):
        before = self.model.read_bytes()
        for value, word in (({"steps": 3}, '"steps"'), ({"a": {"b": "c"}}, '"a"'),
                            ({"n": None}, '"n"'), (["a"], "not an object")):
            said = self.error(run("meta", self.model, "--from", self.json_file(value)), 2)
            self.assertIn(word, said)
        self.assertIn("JSON", self.error(run("meta", self.model, "--from",
                                             self.file(b"{", "cut.json")), 2))
        for option in (["--from", "absent"], ["--set-file", "a=absent"]):
            self.assertIn("not_found", self.error(run("meta", self.model, *option,
                                                      cwd=self.folder), 2))
        self.assertIn("io_error", self.error(run("meta", self.model, "--from", self.folder), 2))
        self.error(run("meta", self.model, "--get", "no-such-key"), 2)
        self.error(run("meta", self.model, "--get", "epoch", "--set", "a=b"), 2)
        self.error(run("meta", self.model, "--header-limit", "100", "--set", "a=b"), 2)
        self.assertEqual(self.model.read_bytes(), before)

    def test_an_edit_of_several_files(self):
        other = self.file(safetensors([]), "other")
        result = run("meta", self.model, self.folder / "absent", other, "--set", "a=b", "--json")
        self.assertEqual(result.returncode, 2)
        first, absent, second = json.loads(result.stdout)
        self.assertEqual(first["metadata"], {"epoch": "1", "a": "b"})
        self.assertEqual(absent["error"]["code"], "not_found")
        self.assertEqual((second["changed"], second["metadata"]), (True, {"a": "b"}))


if __name__ == "__main__":
    unittest.main()
