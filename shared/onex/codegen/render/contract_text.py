"""The text of the contract in a rendered package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml
from pydantic import JsonValue

from onex.contract.bounded_yaml import BoundedLoader
from onex.contract.load import FILE_NAME
from onex.contract.yaml_lines import parse_yaml

_FOR_EDITORS: Final = "# yaml-language-server:"
_CAPABILITIES: Final = ("mixins", "subcontracts", "advanced_features")
_OF_AGENTS: Final = ("retry_policy", "dead_letter_queue")
"""Features that compose no capability."""
_BYTE_ORDER_MARK: Final = "\ufeff"


def with_schema_line(text: str, schema: str) -> str:
    """Return the contract with the line that tells editors its JSON Schema, and with a newline at the end.

    A contract that names a schema already stays as it is.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK)
    text = text if text.endswith("\n") else f"{text}\n"
    head = text.split("\n", 20)[:20]
    if any(line.startswith(_FOR_EDITORS) for line in head):
        return text
    return f"{_FOR_EDITORS} $schema={schema}\n{text}"


def without_capabilities(text: str) -> str:
    """Return a valid contract without the declarations of capabilities. Other keys keep their comments."""
    data, _ = parse_yaml(text, Path(FILE_NAME))
    kept: dict[str, JsonValue] = {}
    match data.get("advanced_features"):
        case dict(features):
            kept = {key: features[key] for key in _OF_AGENTS if key in features}
    agents: dict[str, JsonValue] = {"advanced_features": kept} if kept else {}
    match BoundedLoader(text).get_single_node():
        case yaml.MappingNode(flow_style=False, value=pairs):
            lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines()
            starts = [(str(key.value), key.start_mark.line) for key, _ in pairs]
            return _without(lines, starts) + (yaml.safe_dump(agents, sort_keys=False) if kept else "")
        case _:
            others = {key: value for key, value in data.items() if key not in _CAPABILITIES}
            return str(yaml.safe_dump({**others, **agents}, sort_keys=False))


def _without(lines: Sequence[str], starts: Sequence[tuple[str, int]]) -> str:
    """Return the lines without those of capabilities. ``starts`` has the first line of each key, from 0."""
    ends = [start for _, start in starts[1:]] + [_end(lines)]
    dropped = {
        number
        for (key, start), end in zip(starts, ends, strict=True)
        if key in _CAPABILITIES
        for number in range(start, _before_comments(lines, start, end))
    }
    return "".join(f"{line}\n" for number, line in enumerate(lines) if number not in dropped and number < ends[-1])


def _end(lines: Sequence[str]) -> int:
    """Return the number of the line that ends the document."""
    return next(
        (number for number, line in enumerate(lines) if number and line.startswith(("...", "---"))), len(lines)
    )


def _before_comments(lines: Sequence[str], start: int, end: int) -> int:
    """Return the end of a block without the comments in front of the next key, which belong to that."""
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end
