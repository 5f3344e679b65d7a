#!/usr/bin/env python3
"""summarize.py NAME FOLDER: counts the single tests in the logs of GoogleTest programs, and of
Python's unittest.

For each NAME_test there are NAME_test.log (what it printed) and NAME_test.status (its exit status).
The log is read, and no report file, because a program that crashes leaves no report.
"""

import pathlib
import re
import sys

LINE = re.compile(r"^\[\s*(OK|FAILED|SKIPPED)\s*\] ([\w/]+\.[\w/]+)(?:,| \(|$)")
UNITTEST = re.compile(r"^test_\w+ \((?:__main__\.)?([\w.]+)\) \.\.\. (ok|FAIL|ERROR|skipped)")
UNITTEST_VERDICTS = {"ok": "OK", "FAIL": "FAILED", "ERROR": "FAILED", "skipped": "SKIPPED"}
RUNS = re.compile(r"^\[ RUN      \] (\S+)")


def verdicts(log: str) -> tuple[dict[str, str], str | None]:
    """The last word on each test, and the test that was begun and never ended."""
    found: dict[str, str] = {}
    running = None
    for line in log.splitlines():
        if begun := RUNS.match(line):
            running = begun[1]
        elif ended := LINE.match(line):
            found[ended[2]] = ended[1]
            running = None
        elif ended := UNITTEST.match(line):
            found[ended[1]] = UNITTEST_VERDICTS[ended[2]]
    return found, running


def main() -> int:
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    total = {"OK": 0, "FAILED": 0, "SKIPPED": 0}
    for log in sorted(folder.glob("*_test.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        status = int(log.with_suffix(".status").read_text())
        found, running = verdicts(text)
        for test, verdict in found.items():
            total[verdict] += 1
            if verdict != "OK":
                print(f"{name}: {log.stem}: {test}: {verdict.lower()}")
        if (status != 0 or running) and "FAILED" not in found.values():
            total["FAILED"] += 1
            what = "ran out of time" if status in (124, 137) else f"ended with {status}"
            print(f"{name}: {log.stem} {what}" + (f" in {running}" if running else ""))
        elif not found:
            total["FAILED"] += 1
            print(f"{name}: {log.stem} ran no test")
        if status != 0:
            print("\n".join(text.splitlines()[-40:]))
    print(f"{total['OK']} passed, {total['FAILED']} failed, {total['SKIPPED']} skipped")
    return 1 if total["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
