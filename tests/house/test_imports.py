"""Who may import whom, and a few of the house's manners, kept by looking at every module."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MICROPYTHON = {
    "array", "asyncio", "binascii", "bluetooth", "collections", "esp32", "gc", "hashlib", "json",
    "machine", "micropython", "os", "struct", "sys", "time", "vfs",
}  # fmt: skip
OWN = {"band", "boards", "drivers"}
STANDARD = set(sys.stdlib_module_names)
PURE = {
    "__future__", "bisect", "collections", "dataclasses", "datetime", "enum", "functools",
    "itertools", "math", "statistics", "typing", "zoneinfo",
}  # fmt: skip
HOST_PACKAGES = {"bleak", "click", "dbus_fast", "numpy"}
HOST_EXTRAS = {
    "host/veriband/bridge/": {"EasyMCP2221"},
    "host/veriband/configuration": {"msgspec"},
    "host/veriband/web/": {"htpy", "markupsafe", "starlette", "uvicorn"},
}
SIMULATOR_PACKAGES = {"bleak", "bumble", "numpy"}
SIMULATOR_COMMANDS = {
    f"simulator/veriband_simulator/{name}.py" for name in ("__main__", "ending", "ppg")
}
SHIMS = {"codec", "time", "uos", "utime", "vtask", "world"}
OWN_SIMULATOR = {"_typeshed", "veriband_simulator", "veriband_protocol"}
ANALYSIS = "host/veriband/analysis/"
IMPURE = {"open", "print", "input", "eval", "exec", "__import__"}  # I/O, and ways round this test
CLOCKS = {"now", "today", "utcnow"}
MOST_LINES = 200  # of a firmware module
VAGUE = ("manager", "helper", "helpers", "utils", "common")


def allowed(path: str) -> set[str] | None:
    """The top-level modules that the module at `path` may import; None when it is no one's."""
    if path.startswith("protocol/"):
        return {"struct", "binascii", "veriband_protocol", "collections", "typing"}
    if path.startswith("firmware/drivers/"):
        return {"struct"}
    if path in ("firmware/build.py", "firmware/partition_table.py", "firmware/patch_stubs.py"):
        return STANDARD | {"partition_table"}
    if path.startswith("firmware/"):
        return MICROPYTHON | OWN | {"veriband_protocol"}
    if path.startswith("host/veriband/analysis/"):
        return PURE | {"numpy", "veriband"}
    if path.startswith("host/"):
        extras = {name for at in HOST_EXTRAS if path.startswith(at) for name in HOST_EXTRAS[at]}
        packages = HOST_PACKAGES | extras
        return STANDARD | packages | {"drivers", "veriband", "veriband_protocol"}
    if path.startswith("simulator/veriband_simulator/shims/"):
        return MICROPYTHON | SHIMS
    if path.startswith("simulator/"):
        own = STANDARD | SIMULATOR_PACKAGES | OWN_SIMULATOR
        if path.startswith("simulator/veriband_simulator/demo/"):
            return own | {"click", "veriband"}
        return own | {"click"} if path in SIMULATOR_COMMANDS else own
    return None


def imported(source: str) -> set[str]:
    """The top-level modules that a source imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
    return found


def impurities(tree: ast.AST) -> list[str]:
    """What a module of analysis/ does besides computing: I/O, a clock, another room's code."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in IMPURE:
                found.append(f"calls {function.id}")
            if isinstance(function, ast.Attribute) and function.attr in CLOCKS:
                found.append(f"reads a clock: {function.attr}")
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [
            f"imports {name}"
            for name in names
            if name.partition(".")[0] == "veriband" and not name.startswith("veriband.analysis")
        ]
    return found


def faults(path: str, source: str) -> list[str]:
    """What the module at `path` does that it may not."""
    may = allowed(path)
    found = [] if may is None else [f"imports {name}" for name in imported(source) - may]
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        found.append("does not say what it is for")
    if path.startswith(ANALYSIS):
        found += impurities(tree)
    if path.startswith("firmware/") and len(source.splitlines()) > MOST_LINES:
        found.append(f"has more than {MOST_LINES} lines")
    names = list(Path(path).with_suffix("").parts) + [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found += [f"is vague: {name}" for name in names if name.lower().endswith(VAGUE)]
    if path.startswith("host/") and "veriband_simulator" in source:
        found.append("names the simulator")
    return found


MODULES = [
    path.relative_to(ROOT).as_posix()
    for room in ("protocol", "firmware", "host", "simulator")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "typings" not in path.parts
]


@pytest.mark.parametrize("path", MODULES)
def test_the_rules_of_the_house(path: str) -> None:
    assert faults(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("protocol/veriband_protocol/x.py", "import json"),
        ("firmware/band/x.py", "import utime"),
        ("firmware/band/x.py", "import select"),
        ("firmware/band/x.py", "def f():\n    import socket"),
        ("firmware/drivers/x.py", "import machine"),
        ("host/veriband/x.py", "from veriband_simulator import world"),
        ("host/veriband/x.py", "NAME = 'veriband_simulator'"),
        ("host/veriband/x.py", "def f():\n    import starlette"),
        ("host/veriband/x.py", "import EasyMCP2221"),
        ("host/veriband/analysis/x.py", "import time"),
        ("host/veriband/analysis/x.py", "import sqlite3"),
        ("host/veriband/analysis/x.py", "from veriband.store import store"),
        ("host/veriband/analysis/x.py", "from veriband import store"),
        ("host/veriband/analysis/x.py", "TEXT = open('x').read()"),
        ("host/veriband/analysis/x.py", "print(1)"),
        ("host/veriband/analysis/x.py", "import datetime\nX = datetime.datetime.now()"),
        ("firmware/band/x.py", "X = 1\n" * 200),
        ("simulator/veriband_simulator/demo.py", "import veriband"),
        ("simulator/veriband_simulator/air/demo/x.py", "import veriband"),
        ("host/veriband/utils/x.py", "X = 1"),
        ("host/veriband/x.py", "async def read_helper():\n    pass"),
        ("simulator/veriband_simulator/world.py", "import veriband"),
        ("simulator/veriband_simulator/world.py", "from . import air"),
        ("simulator/veriband_simulator/world.py", "import click"),
        ("host/veriband/helpers.py", "X = 1"),
        ("host/veriband/x.py", "class BandManager:\n    pass"),
    ],
)
def test_each_rule_can_be_broken(path: str, source: str) -> None:
    assert faults(path, f'"""A module."""\n{source}')
    assert faults(path, '"""A module."""') == [] or "helpers" in path or "utils" in path


def test_a_module_without_a_docstring_is_seen() -> None:
    assert faults("host/veriband/x.py", "import os") == ["does not say what it is for"]


def test_each_room_has_a_readme() -> None:
    for room in ("protocol", "firmware", "host", "simulator", "tests"):
        text = (ROOT / room / "README.md").read_text()
        assert len(text) > 500, f"{room}/README.md says nothing"
