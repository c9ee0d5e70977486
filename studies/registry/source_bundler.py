"""Puts a module and all it imports of ours into one file, so that it runs where this project is not installed.

Decisions:
- Made from the very source that training and measuring run, so a served model cannot read otherwise.
- Every definition is kept as it is written; imports of others come first, imports of ours and repetitions fall away.
- What cannot be merged faithfully (two meanings of one name, an import inside a function, a renamed import) is an error here,
  not a surprise in a served process.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OURS = ("search_space", "trainers", "studies", "dashboards")

HEADER = '''\
"""Reads lines of text with the ONNX file beside it. Made by paretext from its own source; needs only the imports below."""

from __future__ import annotations
'''


@dataclass(frozen=True)
class _Module:
    """A module of ours: its name, its syntax tree and its source."""

    name: str
    tree: ast.Module
    lines: list[str]


def one_file(module: str) -> str:
    """The source of one file that does what `module` does.

    Args:
        module: dotted name of a module of ours.

    Raises:
        ValueError: it cannot be merged; the message says where and why.
    """
    meanings: dict[str, str] = {}
    imports: list[str] = []
    parts: list[str] = []
    for part in _in_order(module, []):
        parts.append(f"# {part.name}")
        for node in part.tree.body:
            if _is_ours(node) or _is_docstring(node):
                continue
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports += [line for name, line in _imports(node) if _is_new(part, name, line, meanings)]
            else:
                text = _source(node, part)
                new = [_is_new(part, name, text, meanings) for name in _names(node)]
                if all(new):
                    parts.append(text)
    plain = sorted(line for line in imports if line.startswith("import "))
    chosen = sorted(line for line in imports if line.startswith("from "))
    return "\n\n\n".join([HEADER + "\n" + "\n".join(plain + chosen), *parts]) + "\n"


def _in_order(name: str, seen: list[str]) -> list[_Module]:
    """The module behind all those it imports of ours, each once."""
    if name in seen:
        return []
    seen.append(name)
    module = _parse(name)
    before: list[_Module] = []
    for node in module.tree.body:
        if _is_ours(node):
            assert isinstance(node, ast.ImportFrom)
            before += _in_order(str(node.module), seen)
    return [*before, module]


def _parse(name: str) -> _Module:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ValueError(f"no module is called '{name}'")
    source = Path(spec.origin).read_text(encoding="utf-8")
    tree = ast.parse(source)
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if _is_ours(node):
            where = f"{name}, line {getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import) or id(node) not in top:
                raise ValueError(f"{where}: only 'from module import name' at the top can be merged into one file")
            if isinstance(node, ast.ImportFrom) and any(alias.asname or alias.name == "*" for alias in node.names):
                raise ValueError(f"{where}: a renamed or starred import cannot be merged into one file")
    return _Module(name, tree, source.splitlines())


def _is_ours(node: ast.AST) -> bool:
    """Whether a statement imports a module of this project."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or str(node.module).split(".")[0] in OURS
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] in OURS for alias in node.names)


def _is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is text for those who read the module: its docstring, or that of a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_new(module: _Module, name: str, meaning: str, meanings: dict[str, str]) -> bool:
    """Notes what a name means; False when it means just that already.

    Raises:
        ValueError: it means something else in a module that is already in the file.
    """
    known = meanings.get(name)
    if known is not None and known != meaning:
        raise ValueError(f"{module.name}: '{name}' means something else in another module of the same file; rename one")
    meanings[name] = meaning
    return known is None


def _imports(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """Each name that an import brings, with a statement that brings it alone."""
    origin = f"from {node.module} import " if isinstance(node, ast.ImportFrom) else "import "
    if origin.startswith("from __future__"):
        return []
    return [
        (alias.asname or alias.name, f"{origin}{alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
        for alias in node.names
    ]


def _source(node: ast.stmt, module: _Module) -> str:
    """A statement as it is written, decorators included."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(module.lines[first - 1 : node.end_lineno])


def _names(node: ast.stmt) -> list[str]:
    """What a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
