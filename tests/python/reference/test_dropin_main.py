"""Programs run by `python -m tensorhold.dropin` are as under plain `python`: each is run both ways, and
what it prints compared."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import zipfile

import pytest

TELLS = """
import atexit, os, pickle, sys, threading
class Mine: pass
def told(where):
    try:
        pickle.dumps(Mine())
        print(where, "pickled", flush=True)
    except Exception as error:
        print(where, error, flush=True)
ended = threading.Event()
def late():
    ended.wait(1)  # for the script's last line; what matters is that it has been run
    told("thread")
def hidden(name):
    return name in ("__builtins__", "__loader__", "hidden")
threading.Thread(target=late).start()
atexit.register(told, "atexit")
print(sys.argv, sys.path[:2], __name__, __doc__)
print(sorted((name, str(value).partition(" object at")[0]) for name, value in globals().items()
             if name[:2] == "__" and not hidden(name)))
print(type(__loader__).__name__, type(__builtins__).__name__, sys.modules["__main__"].__dict__ is globals())
os.chdir("/")
print(os.path.exists(globals().get("__file__", "")))
ended.set()
"""


def both(*arguments, options=(), cwd, given=None, environment=None):
    """What plain Python and the drop-in say of the same program."""
    clean = {name: value for name, value in os.environ.items() if name != "TENSORHOLD_DROPIN"}
    runs = []
    for how in ((), ("-m", "tensorhold.dropin")):
        ran = subprocess.run(
            [sys.executable, *options, *how, *map(str, arguments)],
            cwd=cwd, input=given, capture_output=True, text=True, env={**clean, **(environment or {})},
        )
        runs.append((ran.returncode, ran.stdout, ran.stderr))
    plain, served = runs
    assert served == plain
    return plain


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "script.py").write_text(TELLS)
    (inside / "package").mkdir()
    (inside / "package/__init__.py").touch()
    (inside / "package/__main__.py").write_text(TELLS)
    (inside / "package/module.py").write_text('"""Says what it is."""\n' + TELLS)
    return tmp_path


def pickled(run):
    status, out, _ = run
    assert status == 0
    assert "thread pickled" in out and "atexit pickled" in out, out


@pytest.mark.parametrize("name", ["inside/script.py", "./inside/script.py", "inside/../inside/script.py"])
def test_scripts(folder, name):
    pickled(both(name, "--flag", "value", cwd=folder))
    pickled(both(folder / name, cwd="/"))


def test_links_to_scripts(folder):
    (folder / "link.py").symlink_to("inside/script.py")
    pickled(both("link.py", cwd=folder))


@pytest.mark.parametrize("options", [["-P"], ["-I"], ["-W", "error"], ["-O"]], ids=repr)
def test_options_of_python(folder, options):
    if options == ["-P"] and sys.version_info < (3, 11):
        pytest.skip("Python 3.11 has it")
    pickled(both("inside/script.py", options=options, cwd=folder))
    pickled(both("-c", TELLS, options=options, cwd=folder))


def test_modules(folder):
    inside = folder / "inside"
    for name in ("script", "package", "package.module"):
        pickled(both("-m", name, "--flag", cwd=inside))
        pickled(both("-m" + name, cwd=inside))
    assert both("-m", "nowhere", cwd=inside)[0] == 1
    assert both("-m", "package.nowhere", cwd=inside)[0] == 1


def test_lines(folder):
    pickled(both("-c", TELLS, "--flag", cwd=folder))
    assert both("-cprint(3)", cwd=folder)[1] == "3\n"


def test_the_standard_input(folder):
    for name in ("-", "/dev/stdin"):
        if name == "-" or os.path.exists(name):
            pickled(both(name, "--flag", given=TELLS, cwd=folder))
    assert both("-", given="import sys; print(len(sys.stdin.read()))", cwd=folder)[1] == "0\n"


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_a_pipe_is_read_once(folder):
    for how in ([], ["-m", "tensorhold.dropin"]):
        pipe = folder / f"pipe{len(how)}"
        os.mkfifo(pipe)
        with subprocess.Popen(
            [sys.executable, *how, str(pipe)], stdout=subprocess.PIPE, text=True
        ) as running:
            pipe.write_text("print('ran')")
            assert running.communicate()[0] == "ran\n"


def test_folders_and_archives(folder):
    inside = folder / "inside"
    pickled(both("package", cwd=inside))
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", TELLS)
    status, out, _ = both("archive.zip", cwd=folder)
    assert status == 0 and "thread pickled" in out


def test_compiled_scripts(folder):
    py_compile.compile(str(folder / "inside/script.py"), str(folder / "script.pyc"))
    status, out, _ = both("script.pyc", cwd=folder)
    assert status == 0 and "atexit pickled" in out


def test_source_that_is_not_utf8(folder):
    (folder / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))")
    assert both("latin.py", cwd=folder)[1] == "'\\xe9'\n"
    (folder / "mark.py").write_bytes(b"\xef\xbb\xbfprint(1)")
    assert both("mark.py", cwd=folder)[1] == "1\n"


ENDS = {
    "exception": "def f():\n    raise ValueError('words')\nf()",
    "chain": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('a') from error",
    "syntax": "print(1)\nx = = 2",
    "status": "import sys; sys.exit(7)",
    "words": "import sys; sys.exit('words')",
    "nothing": "",
    "hook": "import sys\nsys.excepthook = lambda *told: print(told[0].__name__, told[2] is not None)\n1 / 0",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "exit handler": "import atexit; atexit.register(print, 'last'); 1 / 0",
}


@pytest.mark.parametrize("name", ENDS)
def test_ends(folder, name):
    (folder / "ends.py").write_text(ENDS[name])
    both("ends.py", cwd=folder)
    both("-c", ENDS[name], cwd=folder)


def test_no_such_script(folder):
    status, out, err = both("nowhere.py", cwd=folder)
    assert (status, out) == (2, "") and "nowhere.py" in err


def test_options_that_there_are_none_of(folder):
    for arguments in (["-m"], ["-c"], ["-q", "script.py"]):
        ran = subprocess.run([sys.executable, "-m", "tensorhold.dropin", *arguments], capture_output=True, text=True)
        assert ran.returncode == 2 and "--help" in ran.stderr
