#!/usr/bin/env python3
"""Reads the #include lines of the tree and fails on an arrow between rooms that docs/architecture.md lacks.

    check_layers.py [FOLDER]

The table there says what each room may include, and which public headers are its own. Prints one line for
each thing that is wrong and exits with 1 if there was one: an include without an arrow, an arrow that no
include uses, a circle of arrows, a room or a public header that is in the tree or in the table alone.
"""

import pathlib
import re
import sys

DOCUMENT = "docs/architecture.md"
HEADING = ["Room", "What it does", "May include", "Public headers"]
SOURCES = {".cpp", ".hpp", ".h"}
SYSTEM_ENDING = re.compile(r"_(linux|posix|windows|generic)\.hpp$")
OS_HEADER = re.compile(r"(windows|winternl|io|fcntl|unistd|sys/.*|mach/.*|linux/.*|dlfcn)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FOR_USERS = "tensorhold"  # tensorhold.hpp, which is all of them


def covers(arrow, room):
    """True when an arrow to `arrow` leads to `room`: a folder stands for the rooms in it."""
    return room == arrow or room.startswith(arrow + "/")


class Tree:
    def __init__(self, root):
        self.root = root
        self.arrows = {}  # room: what it may include
        self.owners = {}  # public header: its room
        self.used = set()
        self.wrong = []
        self.read_table()

    def read_table(self):
        path = self.root / DOCUMENT
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
                for line in lines if line.startswith("|")]
        if HEADING not in rows:
            self.wrong.append(f"{DOCUMENT}: no table with the columns {', '.join(HEADING)}")
            return
        for row in rows[rows.index(HEADING) + 2:]:
            if len(row) != len(HEADING):
                break  # another table
            names = [re.findall(r"`([^`]+)`", cell) for cell in row]
            if len(names[0]) != 1 or names[0][0] in self.arrows:
                self.wrong.append(f"{DOCUMENT}: {row[0] or 'a row without a room'}: one row a room")
                continue
            self.arrows[names[0][0]] = names[2]
            for header in names[3]:
                if header in self.owners:
                    self.wrong.append(f"{DOCUMENT}: {header}.hpp belongs to two rooms")
                self.owners[header] = names[0][0]

    def folder(self, room):
        inside = self.root / "src" / room
        return inside if inside.is_dir() else self.root / room

    def files(self):
        """Each file with the room that it stands in."""
        for top in ("src", "cli", "examples", "python"):
            for path in sorted((self.root / top).rglob("*")):
                if path.suffix in SOURCES:
                    yield path, path.parent.relative_to(self.root / "src" if top == "src" else self.root).as_posix()

    def room_of(self, path, target):
        """The room of what `path` includes as `target`; None when that is none of the tree's."""
        top, _, rest = target.partition("/")
        if top == "tensorhold":
            if path.is_relative_to(self.root / "src"):
                return self.owners.get(pathlib.PurePosixPath(rest).stem, target)
            return "public"
        beside = path.parent / target
        if beside.is_file():
            return next((room for found, room in self.files_by_path if found.samefile(beside)), None)
        room = target.rpartition("/")[0]
        return room if room in self.arrows or self.folder(room).is_dir() and room else None

    def check(self):
        self.files_by_path = list(self.files())
        rooms = {room for _, room in self.files_by_path}
        self.wrong += [f"{room}: a room without a row in {DOCUMENT}" for room in sorted(rooms - set(self.arrows))]
        self.wrong += [f"{DOCUMENT}: {room}: no such room" for room in sorted(set(self.arrows) - rooms)]
        for path, room in self.files_by_path:
            for number, target in included(path):
                reason = self.wrong_include(path, room, target)
                if reason:
                    self.wrong.append(f"{path.relative_to(self.root)}:{number}: {target}: {reason}")
        self.wrong += [f"{DOCUMENT}: {room} may include {arrow}, and does not"
                       for room, arrows in self.arrows.items() for arrow in arrows
                       if (room, arrow) not in self.used]
        self.check_circles()
        self.check_public()
        return self.wrong

    def wrong_include(self, path, room, target):
        """Why that file must not include `target`, or None. Notes the arrow that it uses."""
        to = self.room_of(path, target)
        if to is None or to == room:
            return None
        if to == target:
            return f"belongs to no room: say in {DOCUMENT} to which"
        arrows = [arrow for arrow in self.arrows.get(room, []) if covers(arrow, to)]
        if not arrows:
            return f"{room} must not know {to}"
        self.used.add((room, max(arrows, key=len)))
        if SYSTEM_ENDING.search(target) and to.partition("/")[0] != room.partition("/")[0]:
            return f"is of one system, and for {to.partition('/')[0]} alone"
        return None

    def check_circles(self):
        ahead = {room: sorted(to for to in self.arrows if to != room and any(covers(a, to) for a in arrows))
                 for room, arrows in self.arrows.items()}
        done = set()

        def follow(room, way):
            if room in way:
                self.wrong.append(f"{DOCUMENT}: a circle: " + " -> ".join([*way[way.index(room):], room]))
            elif room not in done:
                for to in ahead[room]:
                    follow(to, [*way, room])
                done.add(room)

        for room in ahead:
            follow(room, [])

    def check_public(self):
        there = set()
        for path in sorted((self.root / "include").rglob("*")):
            if path.suffix not in SOURCES:
                continue
            there.add(path.stem)
            for number, target in included(path):
                if OS_HEADER.fullmatch(target):
                    reason = "a header of the system in a public header"
                elif target.rpartition("/")[0] in self.arrows:
                    reason = "a header of src/ in a public header"
                else:
                    continue
                self.wrong.append(f"{path.relative_to(self.root)}:{number}: {target}: {reason}")
        self.wrong += [f"{name}.hpp: a public header that belongs to no room in {DOCUMENT}"
                       for name in sorted(there - set(self.owners) - {FOR_USERS})]
        self.wrong += [f"{DOCUMENT}: {name}.hpp: no such public header" for name in sorted(set(self.owners) - there)]


def included(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    wrong = Tree(root).check()
    print("\n".join(wrong) if wrong else "layers: every include has its arrow, and every arrow its include")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
