"""What a script depends on: the hash of its file and of every module of this project that it imports, directly or not.

Given to a rule as a parameter, it makes an edit of a helper rerun exactly the rules that use it; a touched file changes nothing.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent


def library(script: str) -> str:
    """SHA-256 over scripts/<script>.py, all it imports from scripts/, and the data files beside imported packages."""
    pending, seen = [SCRIPTS / f"{script}.py"], {}
    while pending:
        path = pending.pop()
        if path not in seen:
            seen[path] = _content(path)
            pending += _imported(path)
    # The library's own folder is a package of everything: only the data of the rooms inside it that are used count.
    for folder in sorted({path.parent for path in seen if path.name == "__init__.py"} - {SCRIPTS / "hemapilots"}):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                seen[path] = _content(path)
    digest = hashlib.sha256()
    for path in sorted(seen):
        digest.update(f"{path.relative_to(SCRIPTS)} {seen[path]}\n".encode())
    return digest.hexdigest()


@cache
def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _imported(path: Path) -> list[Path]:
    """The project's files that a file imports, with the packages that they lie in."""
    names = set()
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return sorted({file for name in names for file in _files(name)})


def _statements(block: ast.AST):
    """A block's statements and those inside them; expressions, in which nothing is imported, are most of a tree."""
    for part in ("body", "handlers", "orelse", "finalbody", "cases"):
        for statement in getattr(block, part, ()):
            yield statement
            yield from _statements(statement)


@cache
def _files(name: str) -> list[Path]:
    """The project's files behind a dotted name: modules, and the packages that they lie in."""
    head, _, _ = name.rpartition(".")
    base = SCRIPTS.joinpath(*name.split("."))
    found = [file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()]
    return [*(_files(head) if head else []), *found]
