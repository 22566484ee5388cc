"""A contract as it was found: its values, the line of each, and its scalars as they are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from pydantic import JsonValue
from typing_extensions import override

from onex.contract.bounded_yaml import LARGEST, BoundedLoader
from onex.contract.yaml_lines import Lines, Location, collect_lines, dotted, line_of
from onex.errors import ContractError, ContractProblem

_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class _FoundLoader(BoundedLoader):
    """As BoundedLoader, for contracts of other tools: a key such as ``on`` or ``404`` is a text."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        node = super().compose_node(parent, index)
        is_key = isinstance(parent, yaml.MappingNode) and index is None
        if is_key and isinstance(node, yaml.ScalarNode) and node.tag != _MERGE:
            node.tag = _TEXT
        return node


@dataclass(frozen=True, slots=True)
class Source:
    """A file with its content."""

    file: Path
    data: JsonValue
    lines: Lines
    texts: dict[Location, str]
    """Scalars as they are written: ``1.10`` is the number 1.1 for YAML, and a version for us."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value at its location in a source."""

    source: Source
    at: Location
    value: JsonValue

    @property
    def key(self) -> str:
        """The last part of the location."""
        return str(self.at[-1]) if self.at else ""

    @property
    def line(self) -> int:
        """Line in the file, from 1."""
        return line_of(self.source.lines, self.at)

    @property
    def text(self) -> str:
        """The scalar as it is written, without blanks around it. Empty for null, a list or a map."""
        if self.value is None or isinstance(self.value, (dict, list)):
            return ""
        return self.source.texts.get(self.at, str(self.value)).strip()

    @property
    def is_map(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.value, list)

    @property
    def is_off(self) -> bool:
        """Whether it says ``enabled: false``."""
        return isinstance(self.value, dict) and self.value.get("enabled") is False

    def get(self, *names: str) -> "Place | None":
        """Return the first of these keys that has a value."""
        if isinstance(self.value, dict):
            for name in names:
                if self.value.get(name) is not None:
                    return Place(self.source, (*self.at, name), self.value[name])
        return None

    def text_of(self, *names: str) -> str:
        """Return the scalar of the first of these keys that has one."""
        return next((found.text for name in names if (found := self.get(name)) and found.text), "")

    def children(self) -> "list[Place]":
        """Return the values of a map or the items of a list."""
        match self.value:
            case dict():
                return [Place(self.source, (*self.at, key), value) for key, value in self.value.items()]
            case list():
                return [Place(self.source, (*self.at, index), item) for index, item in enumerate(self.value)]
        return []

    def leaves(self) -> "Iterator[Place]":
        """Yield every scalar, and every empty list and map, at or below this place."""
        children = self.children()
        if not children:
            yield self
        for child in children:
            yield from child.leaves()


def read_source(file: Path) -> Place:
    """Return the root of a contract file. Raise ContractError for a file that is no bounded YAML mapping."""
    try:
        if not file.is_file():  # also a pipe or a device, which could be read for ever
            raise _refused(file, 1, "file", "is no regular file", "name a file, or a folder with contracts")
        with file.open(encoding="utf-8-sig") as opened:
            text = opened.read(LARGEST + 1)
    except UnicodeDecodeError as error:
        raise _refused(file, 1, "file", f"is not UTF-8: {error.reason}", "save it as UTF-8") from None
    except OSError as error:
        raise _refused(file, 1, "file", f"cannot be read: {error.strerror}", "name a file that can be read") from None
    return parse_source(text, file)


def parse_source(text: str, file: Path) -> Place:
    """As :func:`read_source`, for a text. Problems name ``file``."""
    if len(text) > LARGEST:
        raise _refused(file, 1, "file", f"is longer than {LARGEST} characters", "split the node, or its descriptions")
    loader: _FoundLoader | None = None
    try:
        loader = _FoundLoader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise _refused(file, 1, "file", "contains no mapping", "name a contract in YAML")
        lines: Lines = {}
        doubled = list(collect_lines(root, (), lines))
        data: object = None if doubled else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "is no YAML"
        raise _refused(file, mark.line + 1 if mark else 1, "yaml", what, "fix the YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise _refused(
            file, line, "yaml", f"has a character that YAML forbids: {error.reason}", "remove it"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        line = loader.get_mark().line + 1 if loader else 1
        raise _refused(file, line, "yaml", str(error), "fix the value, or write it in quotes") from None
    if doubled:
        problems = [ContractProblem(file, line, dotted(at), "duplicate key", "keep one") for at, line in doubled]
        raise ContractError(problems)
    texts: dict[Location, str] = {}
    _collect_texts(root, (), texts)
    value = _json(data)
    return Place(Source(file, value, lines, texts), (), value)


def _collect_texts(node: yaml.Node, at: Location, texts: dict[Location, str]) -> None:
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                _collect_texts(value, (*at, str(key.value)), texts)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                _collect_texts(item, (*at, index), texts)
        case yaml.ScalarNode():
            texts[at] = str(node.value)


def _json(value: object) -> JsonValue:
    """Return the value with dates as texts, which JSON has no type for."""
    match value:
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case list():
            return [_json(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
    return str(value)


def _refused(file: Path, line: int, field: str, what: str, remedy: str) -> ContractError:
    return ContractError([ContractProblem(file, line, field, what, remedy)])
