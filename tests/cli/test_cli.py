#!/usr/bin/env python3
"""The command, from outside: what it prints, and how it ends.

    TENSORHOLD_COMMAND=… TENSORHOLD_TEST_DATA=… test_cli.py [Class.test]
"""

import json
import mmap
import os
import struct
import subprocess
import unittest

from command import COMMAND, DATA, MODEL, ON_WINE, Case, run, safetensors, sparse


class Ls(Case):
    def test_table_of_a_real_model(self):
        lines = self.lines(run("ls", MODEL))
        self.assertEqual(lines[0].split(), ["NAME", "DTYPE", "SHAPE", "SIZE"])
        self.assertIn("conv1.bias", lines[1])
        self.assertEqual(lines[-1], "15 tensors, 309,633 parameters, 1.2 MiB")

    def test_sort(self):
        def names(order):
            return [t["name"] for t in json.loads(run("ls", MODEL, "--json", "--sort", order).stdout)
                    ["tensors"]]
        by_name, by_offset, by_size = names("name"), names("offset"), names("size")
        self.assertEqual(by_name, sorted(by_name))
        header = json.loads(MODEL.read_bytes()[8:8 + struct.unpack("<Q", MODEL.read_bytes()[:8])[0]])
        header.pop("__metadata__", None)
        self.assertEqual(by_offset, sorted(header, key=lambda n: header[n]["data_offsets"]))
        sizes = [header[n]["data_offsets"][1] - header[n]["data_offsets"][0] for n in by_size]
        self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_json_is_the_header(self):
        path = self.file(safetensors([("a\n\"\\é", "I16", [2, 1], b"1234"), ("b", "U8", [0], b"")],
                                     {"k": "v\x01"}))
        said = json.loads(run("ls", path, "--json").stdout)
        self.assertEqual(said["metadata"], {"k": "v\x01"})
        self.assertEqual(said["file_bytes"], path.stat().st_size)
        self.assertEqual([t["name"] for t in said["tensors"]], ["a\n\"\\é", "b"])
        first = said["tensors"][0]
        self.assertEqual((first["dtype"], first["shape"], first["nbytes"]), ("I16", [2, 1], 4))
        self.assertEqual(first["offset"] + 4, path.stat().st_size)

    def test_nasty_names_fit_and_do_nothing_to_a_terminal(self):
        names = ["\x1b[2J\x07evil", "line\nbreak\ttab", "reversed\u202etxt", "x" * 500,
                 "漢字" * 60, "e\u0301" * 100, "\x7f\x80\x9b", "zero\u200bwidth", "", "🎉" * 50]
        path = self.file(safetensors([(n, "U8", [1] * 40 + [1], b"x") for n in names],
                                     {"key\x1b]0;": "v" * 300}))
        lines = self.lines(run("ls", path))
        text = "\n".join(lines)
        for forbidden in "\x1b\x07\t\u202e\x7f\x9b\u200b":
            self.assertNotIn(forbidden, text)
        self.assertIn("\\x1b[2J\\x07evil", text)
        self.assertEqual(len([line for line in lines if " U8 " in line]), len(names))

    def test_wide_shortens_nothing(self):
        path = self.file(safetensors([("x" * 300, "U8", [1], b"x")]))
        self.assertIn(b"x" * 300, run("ls", "--wide", path).stdout)

    def test_no_tensors(self):
        self.assertEqual(self.lines(run("ls", self.file(safetensors([]))))[-1],
                         "0 tensors, 0 parameters, 0 B")

    def test_a_reader_that_stops_is_no_error(self):
        many = self.file(safetensors([(f"t{i}", "U8", [1], b"x") for i in range(20000)]))
        pipe = subprocess.run(["sh", "-c", f'"{COMMAND}" ls "{many}" | head -n 1'],
                              capture_output=True, timeout=60, check=True)
        self.assertEqual(pipe.stderr, b"")


class Check(Case):
    def test_valid_files(self):
        names = sorted(path.name for path in DATA.glob("*.safetensors"))
        lines = self.lines(run("check", *names, cwd=DATA))
        self.assertEqual(len(lines), len(names) + 1)
        self.assertTrue(all(": valid, " in line for line in lines[:-1]))
        self.assertIn(f"{len(names)} files: {len(names)} valid; ", lines[-1])

    def test_each_kind_of_invalid_file_by_code_tensor_and_byte(self):
        good = safetensors([("w", "U8", [4], b"abcd")])
        entry = safetensors([("w", "U8", [5], b"abcd")])
        cases = {
            "header_too_small": good[:4],
            "header_truncated": good[:20],
            "data_truncated": good[:-1],
            "trailing_bytes": good + b"x",
            "size_mismatch": entry,
            "not_safetensors": b"PK\x03\x04" + bytes(100),
            "invalid_json": struct.pack("<Q", 8) + b"[1, 2]  ",
        }
        for code, content in cases.items():
            path = self.file(content, code)
            result = run("check", path)
            self.assertEqual(result.returncode, 1, code)
            self.assertIn(f"({code})", result.stdout.decode())
            said = json.loads(run("check", "--json", path).stdout)[0]
            self.assertEqual((said["valid"], said["code"]), (False, code))
        said = json.loads(run("check", "--json", self.file(entry)).stdout)[0]
        self.assertEqual(said["tensor"], "w")
        self.assertIsInstance(said["offset"], int)

    def test_one_invalid_among_valid_ones(self):
        bad = self.file(b"not")
        result = run("check", MODEL, bad, MODEL)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stdout.splitlines()), 4)

    def test_files_that_cannot_be_read(self):
        result = run("check", MODEL, self.folder / "absent", self.file(b"not"), self.folder)
        self.assertEqual(result.returncode, 2)
        text = result.stdout.decode()
        self.assertIn("(not_found)", text)
        self.assertIn("(not_a_file)", text)

    def test_lenient(self):
        path = self.file(safetensors([("w", "U8", [1], b"x")]) + b"more")
        self.assertEqual(run("check", path).returncode, 1)
        self.assertEqual(run("check", "--lenient", path).returncode, 0)

    def test_hostile_names_in_errors(self):
        path = self.file(safetensors([("\x1b[31m", "U9", [1], b"x")]))
        result = run("check", path)
        self.assertEqual(result.returncode, 1)
        self.assertNotIn(b"\x1b", result.stdout)


class Demo(Case):
    def demo(self, path, **options):
        """The lines, after a look at what must be in every one of them."""
        lines = self.lines(run("demo", path, "--work", self.folder, **options))
        self.assertEqual(lines[-1], "Every tensor kept its address and its bytes.")
        self.assertLessEqual(len(lines), 64)
        return lines

    def steps(self, lines):
        """The rows below each heading S1 to S5, as (word, text)."""
        steps = {}
        for line in lines:
            if line.startswith("S"):
                rows = steps.setdefault(line[:2], [])
            elif not line.startswith("  "):
                rows = []
            else:
                rows.append((line[2:12].strip(), line[12:]))
        return steps

    @unittest.skipIf(ON_WINE, "Wine 8 cannot release in place")
    def test_real_model(self):
        before = MODEL.read_bytes()
        steps = self.steps(self.demo(MODEL))
        self.assertEqual(sorted(steps), ["S1", "S2", "S3", "S4", "S5"])
        for step, act in {"S1": "remove()", "S2": "drop", "S3": "release()", "S4": "copy()",
                          "S5": "save()"}.items():
            words = [word for word, _ in steps[step]]
            # The hold is shown before and after what is done.
            self.assertIn("hold", words[:words.index(act)], step)
            self.assertIn("hold", words[words.index(act):], step)
            self.assertIn('"stft_conv.weight" (mapped', steps[step][0][1])
        for step in ("S1", "S3", "S5"):
            self.assertIn(("tensor", "same address, same bytes"), steps[step])
        for step in ("S2", "S3", "S4"):
            self.assertIn(("plain", "remove: allowed"), steps[step])
        self.assertEqual(MODEL.read_bytes(), before)

    def test_every_file(self):
        for path in DATA.glob("*.safetensors"):
            self.demo(path)

    def test_names_that_would_do_things_to_a_terminal(self):
        for name in ("\x1b[2J\x07evil", "x" * 500, "漢字" * 60):
            path = self.file(safetensors([(name, "U8", [3], b"abc")]))
            self.assertNotIn("\x1b", "\n".join(self.demo(path)))

    @unittest.skipIf(ON_WINE, "Wine keeps files of its own in that folder")
    def test_leaves_nothing_behind(self):
        self.demo(MODEL)
        self.lines(run("demo", MODEL, env={**os.environ, "TMPDIR": str(self.folder)}))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_work_folder_that_is_none(self):
        self.assertIn("absent", self.error(run("demo", MODEL, "--work", "absent"), 2))

    def test_huge_file_costs_no_more(self):
        path = sparse(self.folder / "sparse", {"big": 10 << 30, "small": 8})
        self.assertIn('"small" (mapped, 8 B)', "\n".join(self.demo(path)))

    def test_file_with_nothing_of_moderate_size(self):
        self.assertIn("its own", "\n".join(self.demo(sparse(self.folder / "sparse", {"big": 10 << 30}))))


@unittest.skipUnless(os.access("/dev/fuse", os.R_OK | os.W_OK) and os.environ.get("TENSORHOLD_LOCKFS"),
                     "no lockfs here")
class DemoOnLockFs(Demo):
    """The same, where the system refuses what Windows refuses."""

    def setUp(self):
        super().setUp()
        mount, files = self.folder / "mount", self.folder / "files"
        mount.mkdir()
        files.mkdir()
        subprocess.run([os.environ["TENSORHOLD_LOCKFS"], "--background", "--sharing", str(mount),
                        str(files)], check=True, timeout=60)
        self.addCleanup(subprocess.run, ["fusermount3", "-u", str(mount)], check=True, timeout=60)
        self.folder = mount

    def test_plain_calls_are_refused_and_tensorhold_is_not(self):
        steps = self.steps(self.demo(MODEL))
        refused = {step: [text for word, text in rows if word == "plain" and "refused" in text]
                   for step, rows in steps.items()}
        self.assertEqual(refused["S1"], ["remove: refused, Permission denied (13)"])
        self.assertEqual(refused["S2"], refused["S1"])
        self.assertEqual(refused["S3"], ["truncate: refused, Device or resource busy (16)",
                                         "remove: refused, Permission denied (13)"])
        self.assertEqual(refused["S5"], ["open to overwrite: refused, Device or resource busy (16)",
                                         "rename onto it: refused, Permission denied (13)"])
        # The step that did it is followed by a hold that nobody has.
        for step, act in {"S1": "remove()", "S3": "release()", "S5": "save()"}.items():
            after = steps[step][[word for word, _ in steps[step]].index(act) + 1]
            self.assertEqual(after[0], "hold")
            self.assertIn("<- nobody", after[1])


class Holds(Case):
    def test_nobody(self):
        path = self.floats()
        said = json.loads(run("holders", path, "--json").stdout)
        self.assertEqual(said["holders"], [])
        self.assertTrue(self.lines(run("holders", path)))

    def test_a_path_with_nothing_at_it(self):
        for options in ((), ("--json",)):
            result = run("holders", self.folder / "typo", *options)
            self.assertIn("not_found", self.error(result, 2))
            self.assertEqual(result.stdout, b"")

    @unittest.skipIf(ON_WINE or not os.path.isdir("/proc/self/map_files"), "shows processes on Linux only")
    def test_another_process_is_named(self):
        path = self.floats()
        with path.open("rb") as held, mmap.mmap(held.fileno(), 0, access=mmap.ACCESS_READ):
            said = json.loads(run("holders", path, "--json").stdout)
            self.assertEqual(said["proof"], "held")
            me = [holder for holder in said["holders"] if holder["pid"] == os.getpid()]
            self.assertEqual([holder["how"] for holder in me], ["mapped"])
            self.assertIn(str(os.getpid()), "".join(self.lines(run("holders", path))))
            self.assertIn(str(os.getpid()), "".join(self.lines(run("rm", path))))
        self.assertFalse(path.exists())

    def test_rm(self):
        first, second = self.floats(), self.file(b"any file", "second")
        result = run("rm", first, self.folder / "absent", second)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"not_found", result.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_mv(self):
        content = safetensors([("w", "U8", [1], b"x")])
        new, old = self.file(content, "new"), self.file(b"old", "old")
        self.lines(run("mv", "new", "old", cwd=self.folder))
        self.assertEqual(old.read_bytes(), content)
        self.assertFalse(new.exists())
        self.assertIn("not_found", self.error(run("mv", new, old), 2))
        self.assertEqual(old.read_bytes(), content)


class Meta(Case):
    def model(self, room=0):
        content = safetensors([("w", "F32", [2], struct.pack("<2f", 1, 2))], {"epoch": "1"})
        length = struct.unpack("<Q", content[:8])[0] + room
        return self.file(struct.pack("<Q", length) + content[8:-8] + b" " * room + content[-8:])

    def metadata(self, path):
        result = run("meta", path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)["metadata"]

    def test_shows(self):
        self.assertEqual(self.lines(run("meta", self.model())), ["epoch = 1"])
        self.assertEqual(self.lines(run("meta", self.floats())), ["no metadata"])

    def test_long_values_are_whole_for_programs_and_short_for_people(self):
        path = self.file(safetensors([], {"long": "x" * 300}))
        whole = ("long = " + "x" * 300).encode()
        self.assertEqual(run("meta", path).stdout.rstrip(), whole)
        if ON_WINE:
            return
        for options, expected in (((), 80), (("--wide",), len(whole))):
            terminal, side = os.openpty()
            subprocess.run([COMMAND, "meta", str(path), *options], stdout=side, timeout=60, check=True)
            os.close(side)
            line = os.read(terminal, 4096).decode().rstrip()
            os.close(terminal)
            self.assertEqual(len(line), expected)

    def test_edits_in_place_where_the_header_has_room(self):
        path = self.model(room=800)
        size = path.stat().st_size
        lines = self.lines(run("meta", path, "--set", "epoch=2", "--set", "a=b=c"))
        self.assertIn("in place", lines[0])
        self.assertEqual(self.metadata(path), {"epoch": "2", "a": "b=c"})
        self.assertEqual(path.stat().st_size, size)
        self.assertIn("nothing to change", self.lines(run("meta", path, "--set", "epoch=2"))[0])
        lines = self.lines(run("meta", path, "--remove", "epoch", "--remove", "a"))
        self.assertEqual(self.metadata(path), {})
        self.assertEqual([p.name for p in self.folder.iterdir()], [path.name])

    def test_rewrites_where_it_has_not(self):
        path = self.model()
        result = run("meta", path, "--set", "note=" + "x" * 500, "--json")
        told = json.loads(result.stdout)
        self.assertTrue(told["rewritten"])
        self.assertEqual(told["metadata"], {"epoch": "1", "note": "x" * 500})
        self.assertIn("1", self.lines(run("show", path, "w"))[-1])

    @unittest.skipIf(ON_WINE, "no links, no modes")
    def test_a_link_is_replaced_by_a_file_that_is_not_wider_than_its_target(self):
        blob = self.model(room=800)
        blob.chmod(0o600)
        link = self.folder / "link"
        link.symlink_to(blob.name)
        lines = self.lines(run("meta", "link", "--set", "epoch=2", cwd=self.folder))
        self.assertIn("link", lines[0])
        self.assertFalse(link.is_symlink())
        self.assertEqual(link.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.metadata(blob), {"epoch": "1"})

    def test_in_place_is_no_other_way_where_a_file_can_take_the_name(self):
        path = self.model()
        edit = ("meta", path, "--set", "note=" + "x" * 500, "--in-place")
        self.assertEqual(run(*edit).returncode, 0)
        new = self.file(b"new", "new")
        self.assertEqual(run("mv", new, path, "--in-place", "--force").returncode, 0)
        self.assertEqual(path.read_bytes(), b"new")

    def test_refusals(self):
        self.assertIn("KEY=VALUE", self.error(run("meta", self.model(), "--set", "epoch"), 2))
        self.assertIn("not_found", self.error(run("meta", self.folder / "no", "--set", "a=b"), 2))
        self.error(run("meta", self.file(b"<html>"), "--set", "a=b"), 1)

    def test_a_key_given_twice_is_a_matter_of_usage(self):
        path = self.model()
        before = path.read_bytes()
        self.assertIn("twice", self.error(run("meta", path, "--set", "a=1", "--set", "a=2"), 2))
        self.assertEqual(path.read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
