"""against_test.py AGAINST: the comparison of two checkouts' benchmarks, with checkouts that only write
tables."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

AGAINST = pathlib.Path(sys.argv.pop(1))
PAGE = """# Loads

|  | tensorhold s | ceiling s | of the ceiling's speed |
| --- | ---: | ---: | ---: |
| warm | {warm} | 0.100 | 0.5 |

|  | s | GiB/s | ratio |
| --- | ---: | ---: | ---: |
| tensorhold | {coarse} | {speed} | 1.0x |
| safetensors + clone | 9.99 | 0.1 | 3.0x |
"""


class Against(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def checkout(self, name, warm="0.200", coarse="0.50", speed="4.00", later=None):
        """A checkout whose benchmark says `warm` in its first two runs, and `later` afterwards."""
        root = self.folder / name
        (root / "docs" / "bench").mkdir(parents=True)
        (root / "docs" / "bench" / "loads.md").write_text("as it was\n")
        for which, value in (("first", warm), ("later", later or warm)):
            (root / which).write_text(PAGE.format(warm=value, coarse=coarse, speed=speed))
        (root / "dev").write_text("""#!/bin/sh
[ "$1 $2" = "bench loads" ] || exit 9
echo run >>runs
if [ "$(grep -c run runs)" -gt 2 ]; then cp later docs/bench/loads.md; else cp first docs/bench/loads.md; fi
touch docs/bench/loads.svg
""")
        (root / "dev").chmod(0o755)
        return root

    def against(self, ours, theirs):
        done = subprocess.run([sys.executable, AGAINST, "--turns", "2", ours, theirs, "loads"],
                              text=True, capture_output=True)
        return done.returncode, done.stdout + done.stderr

    def test_equal_is_no_loss_and_pages_are_left_as_they_were(self):
        ours, theirs = self.checkout("ours"), self.checkout("theirs")
        status, said = self.against(ours, theirs)
        self.assertEqual(status, 0, said)
        self.assertIn("3 rows, 0 below 0.97", said)
        self.assertNotIn("clone", said)
        for root in (ours, theirs):
            self.assertEqual([path.name for path in (root / "docs" / "bench").iterdir()], ["loads.md"])
            self.assertEqual((root / "docs" / "bench" / "loads.md").read_text(), "as it was\n")
            self.assertEqual((root / "runs").read_text(), "run\n" * 2)

    def test_a_row_that_is_slower_twice_counts(self):
        ours, theirs = self.checkout("ours", warm="0.220"), self.checkout("theirs")
        status, said = self.against(ours, theirs)
        self.assertEqual(status, 1, said)
        self.assertIn("| 0.22 | 0.2 | 0.91 | 0.91 SLOWER |", said)
        self.assertEqual((ours / "runs").read_text(), "run\n" * 4)

    def test_a_row_that_is_slower_once_does_not_count(self):
        status, said = self.against(self.checkout("ours", warm="0.220", later="0.200"),
                                    self.checkout("theirs"))
        self.assertEqual(status, 0, said)
        self.assertIn("| 0.22 | 0.2 | 0.91 | 1.00 |", said)

    def test_less_of_a_speed_is_slower(self):
        status, said = self.against(self.checkout("ours", speed="3.00"), self.checkout("theirs"))
        self.assertEqual(status, 1, said)
        self.assertIn("| 3 | 4 | 0.75 | 0.75 SLOWER |", said)

    def test_rounding_is_no_loss(self):
        status, said = self.against(self.checkout("ours", coarse="0.15"),
                                    self.checkout("theirs", coarse="0.14"))
        self.assertEqual(status, 0, said)
        self.assertIn("within rounding", said)

    def test_a_benchmark_that_fails_is_told(self):
        ours, theirs = self.checkout("ours"), self.checkout("theirs")
        (theirs / "dev").write_text("#!/bin/sh\necho broken; exit 1\n")
        status, said = self.against(ours, theirs)
        self.assertEqual(status, 1)
        self.assertIn("broken", said)
        self.assertEqual((theirs / "docs" / "bench" / "loads.md").read_text(), "as it was\n")


if __name__ == "__main__":
    unittest.main()
