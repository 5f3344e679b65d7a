#!/usr/bin/env python3
"""count_junit.py FILE: prints `N passed, N failed, N skipped` for a report of ctest or pytest."""

import sys
import xml.etree.ElementTree as tree

root = tree.parse(sys.argv[1]).getroot()
suite = root if root.tag == "testsuite" else root.find("testsuite")
counts = {name: int(suite.get(name, 0))
          for name in ("tests", "failures", "errors", "disabled", "skipped")}
failed = counts["failures"] + counts["errors"]
for case in suite.iter("testcase"):
    if case.find("skipped") is not None:
        print(f"skipped: {case.get('name')}: {case.find('skipped').get('message', '')}")
skipped = counts["disabled"] + counts["skipped"]
passed = counts["tests"] - failed - skipped
print(f"{passed} passed, {failed} failed, {skipped} skipped")
