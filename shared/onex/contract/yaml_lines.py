"""YAML with the line of every key, so that each problem can name its place."""

from pathlib import Path

import yaml
from pydantic import JsonValue

from onex.model.errors import ContractError, ContractProblem

Location = tuple[str | int, ...]
Lines = dict[Location, int]


def read_yaml(path: Path) -> tuple[dict[str, JsonValue], Lines]:
    """Content of a YAML file and the line of each location; raises ContractError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractError([ContractProblem(path, 1, "file", "not found", "check the path")]) from None
    except UnicodeDecodeError as error:
        raise ContractError(
            [ContractProblem(path, 1, "file", f"is not UTF-8: {error}", "save it as UTF-8")]
        ) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> tuple[dict[str, JsonValue], Lines]:
    """As :func:`read_yaml`, for a text; ``path`` is what problems name."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or str(error)
        raise ContractError([ContractProblem(path, line, "yaml", what, "mend the YAML")]) from None
    if not isinstance(data, dict) or root is None:
        raise ContractError([ContractProblem(path, 1, "file", "holds no mapping", "start with `name: node_...`")])
    lines: Lines = {}
    doubled = _collect(root, (), lines)
    if doubled:
        raise ContractError(
            [ContractProblem(path, line, dotted(at), "key stands twice", "keep one") for at, line in doubled]
        )
    return data, lines


def line_of(lines: Lines, location: Location) -> int:
    """Line of the location, or of its nearest parent that stands in the file."""
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


def dotted(location: Location) -> str:
    """``('event_bus', 'subscribe_topics', 0)`` -> ``event_bus.subscribe_topics[0]``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "contract"


def _collect(node: yaml.Node, at: Location, lines: Lines) -> list[tuple[Location, int]]:
    doubled: list[tuple[Location, int]] = []
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                here = (*at, str(key.value))
                line = key.start_mark.line + 1
                if here in lines:
                    doubled.append((here, line))
                lines[here] = line
                doubled += _collect(value, here, lines)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                here = (*at, index)
                lines[here] = item.start_mark.line + 1
                doubled += _collect(item, here, lines)
    return doubled
