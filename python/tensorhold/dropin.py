"""Runs a script, a module or a line whose `import safetensors` is served by tensorhold:

    python -m tensorhold.dropin script.py [ARGUMENT...]
    python -m tensorhold.dropin -m module [ARGUMENT...]
    python -m tensorhold.dropin -c line [ARGUMENT...]

`-` for the script is the standard input. Nothing on disk changes. Pythons that the program starts are
served as well, through TENSORHOLD_DROPIN=1 in their environment, if they have tensorhold; all others
do not notice. `install()` does the same within a program, before its first `import safetensors`.
"""

from __future__ import annotations

import builtins
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any

from _tensorhold_dropin import install

__all__ = ["install", "main"]


def main(arguments: Sequence[str]) -> None:
    """What `python -m tensorhold.dropin` does: all as `python` does it with these arguments."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print((__doc__ or "").strip())
        sys.exit(0 if arguments else 2)
    install(children=True)
    option, rest = arguments[0], list(arguments[1:])
    if option[:2] in ("-m", "-c"):
        text = [option[2:]] if option[2:] else rest[:1]
        if not text:
            _refuse(f"argument expected for {option}")
        rest = rest if option[2:] else rest[1:]
        if option[:2] == "-m":
            _run(_module, text[0], rest)
        else:
            _run(_line, text[0], rest)
    elif option == "-":
        _run(_standard_input, rest)
    elif option.startswith("-"):
        _refuse(f"unknown option {option}; options of Python go before -m tensorhold.dropin")
    else:
        _run(_script, option, rest)


def _refuse(why: str) -> None:
    print(f"tensorhold.dropin: {why}. --help shows what there is.", file=sys.stderr)
    sys.exit(2)


# The program's module __main__ stays when its last line has run: threads and exit handlers still
# look their classes up in it.
def _new_main(**attributes: Any) -> ModuleType:
    module = ModuleType("__main__")
    fields = {"__builtins__": builtins, "__spec__": None, "__package__": None, **attributes}
    if sys.version_info < (3, 14):
        fields["__annotations__"] = {}
    vars(module).update(fields)
    sys.modules["__main__"] = module
    return module


def _put_first(folder: str) -> None:
    if not _is_safe_path():
        sys.path.insert(0, folder)


def _is_safe_path() -> bool:
    """Whether Python was told to search no folder of the program (-I, -P)."""
    return bool(getattr(sys.flags, "safe_path", sys.flags.isolated))


def _module(name: str, rest: list[str]) -> None:
    import runpy

    sys.argv = ["-m", *rest]
    _put_first(os.getcwd())
    _new_main()
    runpy._run_module_as_main(name)  # type: ignore[attr-defined]  # what `python -m` calls


def _line(text: str, rest: list[str]) -> None:
    sys.argv = ["-c", *rest]
    _put_first("")
    if sys.version_info >= (3, 14):
        text = textwrap.dedent(text)
    main = _new_main(__loader__=BuiltinImporter)
    code = compile(text, "<string>", "exec", dont_inherit=True)
    if sys.version_info >= (3, 13):
        # Its lines, for tracebacks, where `python -c` puts them.
        import linecache

        key = code if hasattr(linecache, "_interactive_cache") else "<string>"
        register = getattr(linecache, "_register_code", None)
        if register is not None:
            register(key, text, "<string>")
    exec(code, vars(main))


def _standard_input(rest: list[str]) -> None:
    sys.argv = ["-", *rest]
    _put_first("")
    main = _new_main(__loader__=BuiltinImporter)
    if sys.stdin.isatty():
        import code

        code.interact(local=vars(main), exitmsg="")
        return
    _set_file(main, "<stdin>")
    exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True), vars(main))


def _script(path: str, rest: list[str]) -> None:
    import pkgutil

    sys.argv = [path, *rest]
    absolute = os.path.join(os.getcwd(), path)
    if pkgutil.get_importer(absolute) is not None:  # a folder or an archive with a __main__.py
        import runpy

        sys.path.insert(0, absolute)
        _new_main()
        runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]
        return
    try:
        # Once: a pipe cannot be read again.
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {absolute!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        sys.exit(2)
    _put_first(_folder_of(path))
    compiled = content.startswith(MAGIC_NUMBER)
    loader = (SourcelessFileLoader if compiled else SourceFileLoader)("__main__", absolute)
    main = _new_main(__loader__=loader)
    _set_file(main, absolute)
    exec(_code_of(content, absolute), vars(main))


def _folder_of(script: str) -> str:
    """Where the script lies, links followed; of a pipe, where the link to it points."""
    try:
        return os.path.dirname(os.path.realpath(script, strict=True))
    except OSError:
        target = os.readlink(script) if os.path.islink(script) else ""
        return os.path.dirname(os.path.join(os.path.dirname(script), target) if target else script)


def _set_file(main: ModuleType, path: str) -> None:
    main.__file__ = path
    if sys.version_info < (3, 15):
        vars(main)["__cached__"] = None


def _code_of(content: bytes, path: str) -> CodeType:
    if not content.startswith(MAGIC_NUMBER):
        return compile(content, path, "exec", dont_inherit=True)
    import marshal

    code = marshal.loads(content[16:])
    if not isinstance(code, CodeType):
        raise ImportError(f"{path} holds no code.")
    return code


def _run(what: Callable[..., None], *arguments: Any) -> None:
    """Runs it, and shows an error as Python does: without what lies above the program."""
    try:
        what(*arguments)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)


if __name__ == "__main__":
    # What `python -m` put in front is for finding this file.
    if not _is_safe_path() and sys.path:
        del sys.path[0]
    # Under its own name, because the program takes the name __main__.
    from tensorhold import dropin

    dropin.main(sys.argv[1:])
