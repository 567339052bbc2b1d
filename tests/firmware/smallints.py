"""Firmware modules that raise when a result leaves the 31 bits of a small integer."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

FIRMWARE = Path(__file__).parents[2] / "firmware"


class TooLarge(Exception):
    """A result that MicroPython would have to allocate."""


def checked(value: object) -> object:
    """`value`, if it is a small integer or none at all."""
    if isinstance(value, int) and not -(2**30) <= value < 2**30:
        raise TooLarge(str(value))
    return value


class _Checking(ast.NodeTransformer):
    """Puts `checked(...)` around the result of each operator."""

    def _call(self, node: ast.expr) -> ast.Call:
        return ast.Call(ast.Name("checked", ast.Load()), [node], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._call(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return self._call(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        value = self.visit(ast.BinOp(read, node.op, node.value))
        return ast.Assign([node.target], value)


def load(*names: str) -> ModuleType:
    """The last of these modules, which see each other in this form."""
    modules: dict[str, ModuleType] = {}
    before = {name: sys.modules.get(name) for name in names}
    try:
        for name in names:
            path = FIRMWARE / f"{name.replace('.', '/')}.py"
            tree = ast.fix_missing_locations(_Checking().visit(ast.parse(path.read_text())))
            modules[name] = sys.modules[name] = ModuleType(name)
            vars(modules[name])["checked"] = checked
            exec(compile(tree, str(path), "exec"), vars(modules[name]))
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return modules[names[-1]]
