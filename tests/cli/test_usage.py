#!/usr/bin/env python3
"""What is typed wrong, and help. Run as test_cli.py."""

import json
import os
import subprocess
import unittest

from command import COMMAND, MODEL, Case, run, safetensors


class Usage(Case):
    def test_errors_of_the_system(self):
        self.assertIn("not_found", self.error(run("ls", self.folder / "absent"), 2))
        self.assertIn("not_a_file", self.error(run("ls", self.folder), 2))

    def test_invalid_files(self):
        self.assertIn("header_too_small", self.error(run("ls", self.file(b"no")), 1))

    def test_usage(self):
        for arguments in ((), ("nonsense",), ("ls",), ("ls", MODEL, "--sort", "colour"),
                          ("show", MODEL), ("check",), ("ls", "--no-such", MODEL)):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_words_that_are_no_command_are_named(self):
        for word in ("lss", "helpp", "\x1b[2J", ""):
            said = self.error(run(word, "x"), 2)
            self.assertIn(f'no command "{word}"'.replace("\x1b", "\\x1b"), said)
            for command in self.commands():
                self.assertIn(f" {command}", said)
        for word in ("-v", "--verbose", "-"):
            said = self.error(run(word), 2)
            self.assertIn(f'no option "{word}"', said)
            self.assertIn("--version", said)

    def commands(self):
        lines = run("--help").stdout.decode().splitlines()
        found = lines[lines.index("Subcommands:") + 1:]
        return [line.split()[0] for line in found[:found.index("")]]

    def test_help(self):
        commands = self.commands()
        self.assertGreaterEqual(len(commands), 8)
        everything = self.lines(run("--help"))
        self.assertEqual(self.lines(run("help")), everything)
        for command in commands:
            lines = self.lines(run(command, "--help"))  # none too long for a terminal
            self.assertEqual(self.lines(run("help", command)), lines)
            examples = [line.split()[1] for line in lines if line.startswith("  tensorhold ")]
            self.assertEqual(examples, [command])
            self.assertIn(f"  tensorhold {command} ", "\n".join(everything))

    def test_version(self):
        self.assertRegex(run("--version").stdout.decode(), r"^tensorhold \d+\.\d+\.\d+\n$")

    def test_trailing_bytes_are_refused_with_an_option_that_takes_them(self):
        good = safetensors([("w", "U8", [1], b"x")], {"k": "v"})
        path = self.file(good + b"more")
        name = path.name
        for arguments in (("ls", name), ("show", name, "w"), ("meta", name), ("check", name)):
            refused = run(*arguments, cwd=self.folder)
            self.assertEqual(refused.returncode, 1, arguments)
            self.assertIn(b"trailing_bytes", refused.stdout + refused.stderr)
            if arguments[0] != "check":
                self.assertIn(b"--lenient", refused.stderr)
            self.lines(run(*arguments, "--lenient", cwd=self.folder))
        advice = json.loads(run("check", "--json", path).stdout)[0]["advice"]
        self.assertIn("--lenient", advice)
        self.assertIn("4 B after", self.lines(run("ls", path, "--lenient"))[-1])
        numbers = self.file(safetensors([], {"epoch": 3, "notes": {"a": [1]}}), "n.safetensors")
        for command in ("ls", "meta", "check"):
            refused = run(command, numbers)
            self.assertEqual(refused.returncode, 1, command)
            self.assertIn(b"invalid_metadata", refused.stdout + refused.stderr)
        self.assertIn(b"--lenient", run("meta", numbers).stderr)
        self.assertEqual(self.lines(run("meta", numbers, "--lenient")), ['epoch = 3', 'notes = {"a": [1]}'])
        # An edit has no such thing, so that nobody believes it was heeded.
        self.error(run("meta", path, "--lenient", "--set", "a=b"), 2)
        self.assertEqual(path.read_bytes(), good + b"more")

    def test_a_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "wb") as full:
            result = subprocess.run([COMMAND, "ls", str(MODEL)], stdout=full, check=False,
                                    stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertTrue(result.stderr)


if __name__ == "__main__":
    unittest.main()
