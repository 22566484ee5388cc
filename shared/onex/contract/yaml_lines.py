"""YAML with the line of every key, so that each problem can name its place."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import JsonValue

from onex.contract.bounded_yaml import LARGEST, BoundedLoader
from onex.errors import ContractError, ContractProblem

Location = tuple[str | int, ...]
Lines = dict[Location, int]
_LONGEST_REMEMBERED: Final = 8 * 1024
"""Characters. Contracts are shorter; 64 texts of senders that are not trusted take less than 20 MB."""


def read_yaml(path: Path) -> tuple[dict[str, JsonValue], Lines]:
    """Return the content of a YAML file, and the line of each location. Raise ContractError."""
    return parse_yaml(read_text(path), path)


def read_text(path: Path) -> str:
    """Return the text of a YAML file; of one that is too large only as much as shows it. Raise ContractError."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError:
        raise _refused(path, 1, "file", "not found", "check the path") from None
    except UnicodeDecodeError as error:
        raise _refused(path, 1, "file", f"is not UTF-8: {error}", "save it as UTF-8") from None
    except OSError as error:
        raise _refused(path, 1, "file", f"cannot be read: {error.strerror}", "name a file that can be read") from None


def parse_yaml(text: str, path: Path) -> tuple[dict[str, JsonValue], Lines]:
    """As :func:`read_yaml`, for a text. Problems name ``path``. :mod:`onex.contract.bounded_yaml` has the limits."""
    try:
        data, lines = _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _parse(text)
    except ContractError as error:
        raise ContractError([replace(problem, file=path) for problem in error.problems]) from None
    return {key: _copy(value) for key, value in data.items()}, dict(lines)


def _copy(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {key: _copy(item) for key, item in value.items()}
        case list():
            return [_copy(item) for item in value]
    return value


def _parse(text: str) -> tuple[dict[str, JsonValue], Lines]:
    """Return content and lines. Raise ContractError, which names no file."""
    path = Path()
    if len(text) > LARGEST:
        raise _refused(path, 1, "file", f"is longer than {LARGEST} characters", "split the node, or its descriptions")
    loader: BoundedLoader | None = None
    try:
        loader = BoundedLoader(text)
        root = loader.get_single_node()
        data: object = None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "is no YAML"
        raise _refused(path, mark.line + 1 if mark else 1, "yaml", what, "fix the YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        what = f"has the character U+{ord(error.character):04X}" if isinstance(error.character, str) else error.reason
        raise _refused(path, line, "yaml", what, "remove it") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an invalid date, an escape out of range
        line = loader.get_mark().line + 1 if loader else 1
        raise _refused(path, line, "yaml", str(error), "fix the value, or write it in quotes") from None
    if not isinstance(data, dict) or root is None:
        raise _refused(path, 1, "file", "contains no mapping", "start with `name: node_...`")
    lines: Lines = {}
    doubled = list(collect_lines(root, (), lines))
    if doubled:
        raise ContractError(
            [ContractProblem(path, line, dotted(at), "duplicate key", "keep one") for at, line in doubled]
        )
    return data, lines


_remembered = lru_cache(maxsize=64)(_parse)
"""A contract is read several times by a command, and by each stage that checks a package."""


def line_of(lines: Lines, location: Location) -> int:
    """Return the line of the location, or of its nearest parent in the file."""
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


def dotted(location: Location) -> str:
    """Return ``event_bus.subscribe_topics[0]`` for ``('event_bus', 'subscribe_topics', 0)``."""
    text = ""
    for part in location:
        match part:
            case int():
                text += f"[{part}]"
            case str():
                text += f".{part}" if text else part
    return text or "contract"


def _refused(path: Path, line: int, field: str, what: str, remedy: str) -> ContractError:
    return ContractError([ContractProblem(path, line, field, what, remedy)])


def collect_lines(node: yaml.Node, at: Location, lines: Lines) -> Iterator[tuple[Location, int]]:
    """Record the line of each location in the node, and yield duplicate keys."""
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                here = (*at, str(key.value))
                line = key.start_mark.line + 1
                if here in lines:
                    yield here, line
                lines[here] = line
                yield from collect_lines(value, here, lines)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                here = (*at, index)
                lines[here] = item.start_mark.line + 1
                yield from collect_lines(item, here, lines)
