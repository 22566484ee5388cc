"""Adds items to a list of a YAML text, and leaves every other character as it is."""

from collections.abc import Sequence

import yaml


def with_list_items(text: str, key: str, items: Sequence[str]) -> str | None:
    """Return the text with further items at the end of the list under a top-level key.

    The key is added when it is missing. Items are YAML of one line. None for a form that cannot be extended in place:
    a document in braces, a value that is no list, an end-of-document mark. The text must be valid YAML.
    """
    match yaml.compose(text, Loader=yaml.SafeLoader):
        case yaml.MappingNode(flow_style=False, value=pairs):
            for name, value in pairs:
                if name.value == key:
                    return _extended(text, name, value, items)
        case _:
            return None
    if text.rstrip().endswith(("\n...", "\n---")):
        return None
    lines = "".join(f"  - {item}\n" for item in items)
    return f"{_ended(text)}{key}:\n{lines}"


def _extended(text: str, name: yaml.Node, value: yaml.Node, items: Sequence[str]) -> str | None:
    match value:
        case yaml.SequenceNode(flow_style=True):
            end = value.end_mark.index - 1  # before the bracket
            inside = text[value.start_mark.index + 1 : end]
            if "#" in inside:
                return None
            body = inside.rstrip()
            comma = "" if not value.value or body.endswith(",") else ","
            space = " " if body else ""
            return text[: value.start_mark.index + 1] + body + comma + space + ", ".join(items) + text[end:]
        case yaml.SequenceNode():
            indent = " " * value.start_mark.column
            after = _line_after(text, _last_leaf(value).end_mark)
            lines = "".join(f"{indent}- {item}\n" for item in items)
            return _ended(text[:after]) + lines + text[after:]
        case yaml.ScalarNode(value=""):  # a key without a value
            after = _line_after(text, name.end_mark)
            lines = "".join(f"  - {item}\n" for item in items)
            return _ended(text[:after]) + lines + text[after:]
        case _:
            return None


def _last_leaf(node: yaml.Node) -> yaml.Node:
    """Return the last value in a block. The end of the block itself is after the comments that follow it."""
    match node:
        case yaml.MappingNode(flow_style=False, value=[*_, (_, last)]):
            return _last_leaf(last)
        case yaml.SequenceNode(flow_style=False | None, value=[*_, last]):
            return _last_leaf(last)
        case _:
            return node


def _line_after(text: str, mark: yaml.Mark) -> int:
    """Return where the line begins that follows the end of a value. A block ends where the next line begins."""
    if mark.column == 0:
        return mark.index
    end = text.find("\n", mark.index)
    return len(text) if end == -1 else end + 1


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
