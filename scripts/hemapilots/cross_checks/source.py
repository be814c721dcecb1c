"""One validated YAML file, and checks of the names that it uses; each complaint names file, line and field."""

import hashlib
from pathlib import Path

from hemapilots.config.shapes import nearest
from hemapilots.errors import HemaPilotsError
from hemapilots.expressions import parse
from hemapilots.yaml_source import line_of, read_yaml, validate

__all__ = ["Source", "check_expression", "check_known"]


class Source:
    """One validated YAML file, with the means to name a line in it."""

    def __init__(self, path: Path, model):
        if not path.is_file():
            others = [other.stem for other in sorted(path.parent.glob("*.yaml"))]
            hint = nearest(path.stem, others) if others else f"there is no file in {path.parent}"
            raise HemaPilotsError(f"{path}: no such file; {hint}")
        self.path, (data, self.node) = path, read_yaml(path)
        self.value = validate(model, data, self.node, path)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def fault(self, location: tuple, message: str) -> HemaPilotsError:
        """An error at a field of this file."""
        line = line_of(self.node, location)
        where = f"{self.path}, line {line}" if line else str(self.path)
        return HemaPilotsError(f"{where}: {'.'.join(str(part) for part in location)}: {message}")


def check_expression(source: Source, location: tuple, text: str, known) -> None:
    """An expression parses and reads known names only."""
    try:
        names = parse(text).names
    except HemaPilotsError as error:
        raise source.fault(location, str(error)) from None
    for name in sorted(names):
        check_known(source, location, name, known)


def check_known(source: Source, location: tuple, name: str, known) -> None:
    """A name stands among the known ones."""
    if name not in known:
        raise source.fault(location, f"unknown variable '{name}'; {nearest(name, known)}")
