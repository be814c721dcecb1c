"""Reads YAML that may be hostile or misspelt: safe loader, bounded, and every complaint names file, line and field."""

import re
from collections import Counter
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hemapilots.errors import HemaPilotsError
from hemapilots.yaml_words import ill_formed, no_value, said

MAXIMUM_BYTES = 1 << 20
MAXIMUM_NODES = 200_000
MAXIMUM_DEPTH = 100
_MERGE = "tag:yaml.org,2002:merge"
# A key at the start of a line.
_KEY = re.compile(r"[\s-]*([A-Za-z_][\w-]*)\s*:")
Model = TypeVar("Model", bound=BaseModel)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The safe loader, in its fast form where the platform has it; values that are none of their type are faults."""

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError):
            raise _fault(no_value(str(node.value), node.tag), node) from None


def _refuse_twins(node: yaml.Node) -> None:
    """Of a tree as it was written, before merge keys bring the keys of other mappings in; each node once."""
    stack, seen = [node], set()
    while stack:
        current = stack.pop()
        if id(current) in seen or not isinstance(current, yaml.CollectionNode):
            continue
        seen.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            stack += current.value
            continue
        keys = [key for key, _ in current.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE]
        twins = Counter(key.value for key in keys)
        for key in reversed(keys):
            if twins[key.value] > 1:
                raise _fault(f"the key '{key.value}' stands twice; leave one", key)
        stack += [part for pair in current.value for part in pair]


class _FaultError(yaml.constructor.ConstructorError):
    """A complaint that already says what is wrong and what to do."""


def _fault(problem: str, node: yaml.Node) -> _FaultError:
    return _FaultError(None, None, problem, node.start_mark)


def read_yaml(path: Path) -> tuple[dict, yaml.Node]:
    """The file's mapping without keys that start with `_` (rooms for anchors), and its node tree for line numbers."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HemaPilotsError(
            f"{path}: cannot be read ({error.strerror}); check the path and its permissions"
        ) from None
    if len(raw) > MAXIMUM_BYTES:
        raise HemaPilotsError(f"{path}: larger than {MAXIMUM_BYTES >> 20} MiB; a configuration file is smaller")
    node = None
    try:
        text = raw.decode("utf-8-sig")
        _shallow(text, path)
        loader = _Loader(text)
        node = loader.get_single_node()
        _bound(node, path)
        _refuse_twins(node)
        data = None if node is None else loader.construct_document(node)
    except UnicodeDecodeError:
        raise HemaPilotsError(f"{path}: not UTF-8 text; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise HemaPilotsError(_complaint(error, path, text, node)) from None
    if not isinstance(data, dict):
        raise HemaPilotsError(f"{path}: empty or not a mapping of keys to values; see config/README.md for its form")
    return {key: value for key, value in data.items() if not str(key).startswith("_")}, node


def _complaint(error: yaml.YAMLError, path: Path, text: str, node: yaml.Node | None) -> str:
    """What keeps a file from being read, with its line and, as far as it can be told, its field."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    ours = isinstance(error, _FaultError)
    said = problem if ours else ill_formed(problem)
    if mark is None:
        return f"{path}: {said}"
    lines = text.splitlines()
    key = _KEY.match(lines[mark.line]) if mark.line < len(lines) else None
    field = _field_at(node, mark.index) if ours else key and key[1]
    return f"{path}, line {mark.line + 1}: {field + ': ' if field else ''}{said}"


def _field_at(node: yaml.Node | None, index: int) -> str:
    """The field whose value starts at a place of the file."""
    parts = []
    while isinstance(node, yaml.CollectionNode):
        pairs = [(k.value, v) for k, v in node.value] if isinstance(node, yaml.MappingNode) else enumerate(node.value)
        inside = [(key, v) for key, v in pairs if v.start_mark.index <= index < max(v.end_mark.index, index + 1)]
        found = max(inside, key=lambda pair: pair[1].start_mark.index, default=None)
        if found is None:
            break
        parts.append(str(found[0]))
        node = found[1]
    return ".".join(parts)


def validate(model: type[Model], data: dict, node: yaml.Node | None, path: Path) -> Model:
    """A validated model, or one sentence per fault with file, line and field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise HemaPilotsError("\n".join(_sentence(fault, node, path) for fault in error.errors()[:5])) from None


def line_of(node: yaml.Node | None, location: tuple) -> int | None:
    """Line of a field in the node tree, or of its nearest parent that is there."""
    line = None
    for key in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            # A merge has put the keys of other mappings before its own.
            child = next(((k, v) for k, v in reversed(node.value) if k.value == str(key)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            child = (node.value[key], node.value[key])
        if child is None:
            break
        line, node = child[0].start_mark.line + 1, child[1]
    return line


def _sentence(fault: dict, node: yaml.Node | None, path: Path) -> str:
    location = _without_tags(node, tuple(part for part in fault["loc"] if part != "[key]"), fault["type"] == "missing")
    line = line_of(node, location + tuple(fault.get("ctx", {}).get("keys", ())))
    message = said(fault)
    where = f"{path}, line {line}" if line else str(path)
    field = ".".join(str(part) for part in location)
    context = fault.get("ctx", {})
    kind = str(context.get("discriminator", "")).strip("'")
    if fault["type"] == "missing" and not isinstance(fault["loc"][-1], int):
        message = "this field is required; add it"
    elif fault["type"] == "union_tag_invalid":
        message = f"unknown {kind} '{context['tag']}'; use one of {context['expected_tags']}"
    elif fault["type"] == "union_tag_not_found":
        message = f"the field {kind} is required; add it"
    # What the file says may hold signs that would break the sentence on a terminal.
    text = f"{field + ': ' if field else ''}{_small(message)}"
    return f"{where}: " + "".join(sign if sign.isprintable() else "?" for sign in text)


def _without_tags(node: yaml.Node | None, location: tuple, missing: bool) -> tuple:
    """The location without the names of alternatives, which pydantic adds and the file does not hold; nor does it a missing field."""
    kept = []
    for number, key in enumerate(location):
        children = {}
        if isinstance(node, yaml.MappingNode):
            children = {name.value: value for name, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {str(at): value for at, value in enumerate(node.value)}
        absent = missing and number == len(location) - 1
        if str(key) in children or absent or not isinstance(node, yaml.MappingNode):
            node = children.get(str(key))
            kept.append(key)
    return tuple(kept)


def _small(message: str) -> str:
    """Without a capital letter at its start, unless it is a word of capitals."""
    return message if message[1:2].isupper() else message[:1].lower() + message[1:]


def _shallow(text: str, path: Path) -> None:
    """Refuse deep nesting before a tree is built: the fast loader's recursion has no bound of its own."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAXIMUM_DEPTH:
            raise HemaPilotsError(f"{path}: nested too deeply; flatten the YAML")


def _bound(node: yaml.Node | None, path: Path) -> None:
    """Count nodes with aliases expanded: a few lines of nested aliases can stand for billions."""
    stack, count = [node], 0
    while stack:
        current = stack.pop()
        count += 1
        if count > MAXIMUM_NODES:
            raise HemaPilotsError(
                f"{path}: more than {MAXIMUM_NODES} values once aliases are expanded; shorten the file"
            )
        if isinstance(current, yaml.MappingNode):
            stack += [part for pair in current.value for part in pair]
        elif isinstance(current, yaml.SequenceNode):
            stack += current.value
