#!/usr/bin/env python3
"""count_junit.py FILE: prints `N passed, N failed, N skipped` for a report of ctest."""

import sys
import xml.etree.ElementTree as tree

suite = tree.parse(sys.argv[1]).getroot()
counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "disabled", "skipped")}
for case in suite.iter("testcase"):
    if case.find("skipped") is not None:
        print(f"skipped: {case.get('name')}: {case.find('skipped').get('message', '')}")
skipped = counts["disabled"] + counts["skipped"]
passed = counts["tests"] - counts["failures"] - skipped
print(f"{passed} passed, {counts['failures']} failed, {skipped} skipped")
