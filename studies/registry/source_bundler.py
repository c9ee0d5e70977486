"""Merges a module and the modules of Paretext that it imports into one file that runs without Paretext.

Decisions:
- The file is made from the source that training and measuring run, so a served model reads exactly as the measured one.
- Definitions are copied as they are written. Imports of other packages are collected at the top; imports of Paretext's modules
  and repeated definitions are left out.
- Source that cannot be merged without a change of meaning is an error here and not in the process that serves the model: a name
  with two definitions, an import of a Paretext module inside a function, a renamed import.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

INTERNAL_PACKAGES = ("search_space", "trainers", "studies", "dashboards")
"""Packages of Paretext: modules that are imported from them are merged into the file."""

HEADER = '''\
"""Reads lines of text with the ONNX file beside it. Made by paretext from its own source; needs only the imports below."""

from __future__ import annotations
'''
"""Beginning of a merged file."""


@dataclass(frozen=True)
class _Module:
    """An internal module: its dotted name, its syntax tree, and its source split into lines."""

    name: str
    tree: ast.Module
    lines: list[str]


def bundle_source(module: str) -> str:
    """Merges a module and all internal modules that it imports, directly or indirectly.

    Args:
        module: dotted name of an internal module.

    Returns:
        The source of a file that defines everything that the module defines.

    Raises:
        ValueError: the modules cannot be merged; the message says where and why.
    """
    definitions: dict[str, str] = {}
    imports: list[str] = []
    parts: list[str] = []
    for part in _dependencies_first(module, []):
        parts.append(f"# {part.name}")
        for node in part.tree.body:
            if _is_internal_import(node) or _is_docstring(node):
                continue
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports += [line for name, line in _imports(node) if _is_new(part, name, line, definitions)]
            else:
                text = _source(node, part)
                new = [_is_new(part, name, text, definitions) for name in _defined_names(node)]
                if all(new):
                    parts.append(text)
    plain = sorted(line for line in imports if line.startswith("import "))
    chosen = sorted(line for line in imports if line.startswith("from "))
    return "\n\n\n".join([HEADER + "\n" + "\n".join(plain + chosen), *parts]) + "\n"


def _dependencies_first(name: str, seen: list[str]) -> list[_Module]:
    """Returns the internal modules that a module imports and then the module itself, each once.

    Args:
        name: dotted name of the module.
        seen: names of modules that are in the list already; new ones are appended.
    """
    if name in seen:
        return []
    seen.append(name)
    module = _parse(name)
    before: list[_Module] = []
    for node in module.tree.body:
        if _is_internal_import(node):
            assert isinstance(node, ast.ImportFrom)
            before += _dependencies_first(str(node.module), seen)
    return [*before, module]


def _parse(name: str) -> _Module:
    """Parses a module; raises ValueError if one of its imports cannot be merged."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ValueError(f"no module is called '{name}'")
    source = Path(spec.origin).read_text(encoding="utf-8")
    tree = ast.parse(source)
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if _is_internal_import(node):
            where = f"{name}, line {getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import) or id(node) not in top:
                raise ValueError(f"{where}: only 'from module import name' at the top can be merged into one file")
            if isinstance(node, ast.ImportFrom) and any(alias.asname or alias.name == "*" for alias in node.names):
                raise ValueError(f"{where}: a renamed or starred import cannot be merged into one file")
    return _Module(name, tree, source.splitlines())


def _is_internal_import(node: ast.AST) -> bool:
    """Returns whether a statement imports a module of Paretext."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or str(node.module).split(".")[0] in INTERNAL_PACKAGES
    return isinstance(node, ast.Import) and any(alias.name.split(".")[0] in INTERNAL_PACKAGES for alias in node.names)


def _is_docstring(node: ast.stmt) -> bool:
    """Returns whether a statement is the docstring of a module or of a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_new(module: _Module, name: str, text: str, definitions: dict[str, str]) -> bool:
    """Adds a definition; returns False if another module has defined the name in the same words.

    Args:
        module: the module that defines the name.
        name: the name that is defined or imported.
        text: the statement that defines or imports it.
        definitions: the names of the file so far, each with its statement.

    Raises:
        ValueError: the name has a different definition in a module that is already in the file.
    """
    known = definitions.get(name)
    if known is not None and known != text:
        raise ValueError(f"{module.name}: '{name}' means something else in another module of the same file; rename one")
    definitions[name] = text
    return known is None


def _imports(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """Splits an import: returns each name with a statement that imports it alone."""
    origin = f"from {node.module} import " if isinstance(node, ast.ImportFrom) else "import "
    if origin.startswith("from __future__"):
        return []
    return [
        (alias.asname or alias.name, f"{origin}{alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
        for alias in node.names
    ]


def _source(node: ast.stmt, module: _Module) -> str:
    """Returns a statement as it is written, with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(module.lines[first - 1 : node.end_lineno])


def _defined_names(node: ast.stmt) -> list[str]:
    """Returns the names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
