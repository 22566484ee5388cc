"""The text of a contract, changed in places: comments, order and spelling of everything else stay as they are."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from onex.contract.bounded_yaml import BoundedLoader
from onex.contract.yaml_lines import parse_yaml

Pair = tuple[yaml.ScalarNode, yaml.Node]
"""A key and its value."""


class CannotEditError(ValueError):
    """A change that this editor cannot make without losing a comment. The text says the remedy."""


class ContractText:
    """A contract in block style or flow style. Each change is applied before the next is made."""

    def __init__(self, text: str, file: Path) -> None:
        """Raise ContractError for a text that is no contract in YAML."""
        parse_yaml(text, file)
        self.text = text
        self._file = file
        self._root = _root(text)

    def pair(self, *path: str) -> Pair | None:
        """Return the key and value at a path of keys, or None."""
        node: yaml.Node = self._root
        found: Pair | None = None
        for part in path:
            found = next((pair for pair in _pairs(node) if pair[0].value == part), None)
            if found is None:
                return None
            node = found[1]
        return found

    def scalar(self, *path: str) -> str:
        """Return the scalar at a path. Empty when there is none."""
        match self.pair(*path):
            case (_, yaml.ScalarNode(value=str(value))):
                return value
        return ""

    def items(self, *path: str) -> list[yaml.Node]:
        """Return the items of the list at a path."""
        found = self.pair(*path)
        match found[1] if found else None:
            case yaml.SequenceNode(value=items):
                return list(items)
        return []

    def rename(self, new: str, *path: str) -> bool:
        """Rename the key at the path. Return False when it is not there, or the new name is."""
        found = self.pair(*path)
        if found is None or self.pair(*path[:-1], new) is not None:
            return False
        self.set_scalars([(found[0], new)])
        return True

    def set_scalars(self, values: Sequence[tuple[yaml.Node, str]]) -> None:
        """Replace values, all in one step."""
        text = self.text
        for node, new in sorted(values, key=lambda each: each[0].start_mark.index, reverse=True):
            text = text[: node.start_mark.index] + new + text[_end(node) :]
        self._apply(0, len(self.text), text)

    def set_value(self, new: str, *path: str) -> None:
        """Replace the value at a path, if there is one."""
        if (found := self.pair(*path)) is not None:
            self.set_scalars([(found[1], new)])

    def remove(self, *path: str) -> None:
        """Remove a key with its value. A map that becomes empty is removed too."""
        found = self.pair(*path)
        if found is None:
            return
        above = self.pair(*path[:-1])
        holder = above[1] if above else self._root
        if len(path) > 1 and len(_pairs(holder)) == 1:
            self.remove(*path[:-1])
            return
        start, end = self._span(found)
        if isinstance(holder, yaml.MappingNode) and holder.flow_style:
            start, end = self._with_comma(start, end)
        else:
            start, end = self.text.rfind("\n", 0, start) + 1, min(len(self.text), end + 1)
        self._apply(start, end, "")

    def move(self, path: tuple[str, ...], to: tuple[str, ...]) -> bool:
        """Move a key with its value and comments below another top-level key, which is made if it is missing.

        Return False when it is not there, or the target has such a key. Raise CannotEditError where a map in braces
        would have to take a block.
        """
        found = self.pair(*path)
        if found is None or self.pair(*to) is not None:
            return False
        value = self._value_text(found)
        target = self.pair(*to[:-1])
        in_flow = isinstance(target[1], yaml.MappingNode) and bool(target[1].flow_style) if target else False
        if in_flow and ("\n" in value or " #" in value):
            raise CannotEditError(f"move {'.'.join(path)} to {'.'.join(to)} by hand: {to[0]} is written in braces")
        self.remove(*path)
        self._insert(to, value, after=path[0])
        return True

    def insert_first(self, line: str) -> None:
        """Insert a line before the first key."""
        first = _pairs(self._root)[0][0]
        self._apply(first.start_mark.index, first.start_mark.index, f"{line}\n")

    def _insert(self, to: tuple[str, ...], value: str, after: str) -> None:
        parent, key = to
        target = self.pair(parent)
        pairs = _pairs(target[1]) if target else []
        if target is None or not pairs:
            text = f"{parent}:\n  {key}:{_indented(value, 4)}\n"
            if target is not None:
                self.remove(parent)
            anchor = self.pair(after)
            at = self._line_end(anchor) if anchor else len(self.text)
            text = text if at == 0 or self.text[at - 1] == "\n" else f"\n{text}"
            self._apply(at, at, text)
            return
        first = pairs[0][0].start_mark
        node = target[1]
        if isinstance(node, yaml.MappingNode) and node.flow_style:
            self._apply(first.index, first.index, f"{key}:{value.rstrip()}, ")
        else:
            indent = first.column
            self._apply(first.index, first.index, f"{key}:{_indented(value, indent + 2)}\n{' ' * indent}")

    def _value_text(self, pair: Pair) -> str:
        """Return what follows the colon of a key: a scalar or braces on its line, or a block without indentation."""
        key, value = pair
        colon = self.text.index(":", key.end_mark.index)
        text = self.text[colon + 1 : self._span(pair)[1]].rstrip()
        lines = text.split("\n")
        if len(lines) == 1:
            return text
        depths = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
        depth = min(depths, default=0)
        if not _is_block(value) and isinstance(value, yaml.MappingNode | yaml.SequenceNode):
            depth = 0  # braces over several lines keep their form
        return "\n".join([lines[0], *(line[depth:] for line in lines[1:])])

    def _span(self, pair: Pair) -> tuple[int, int]:
        """Return where a key begins, and where the line of its value ends."""
        start, end = pair[0].start_mark.index, _end(pair[1])
        end = max(end, pair[0].end_mark.index)
        if not self._in_flow(pair):
            newline = self.text.find("\n", end)
            end = len(self.text) if newline < 0 else newline
        return start, end

    def _in_flow(self, pair: Pair) -> bool:
        return any(
            isinstance(node, yaml.MappingNode) and node.flow_style and pair[0] in [key for key, _ in node.value]
            for node in _walk(self._root)
        )

    def _line_end(self, pair: Pair) -> int:
        end = self._span(pair)[1]
        return min(len(self.text), end + 1)

    def _with_comma(self, start: int, end: int) -> tuple[int, int]:
        rest = self.text[end:]
        after = len(rest) - len(rest.lstrip())
        if rest[after : after + 1] == ",":
            end += after + 1
            return start, end + len(self.text[end:]) - len(self.text[end:].lstrip(" "))
        before = self.text[:start].rstrip()
        return (len(before) - 1 if before.endswith(",") else start), end

    def _apply(self, start: int, end: int, new: str) -> None:
        self.text = self.text[:start] + new + self.text[end:]
        parse_yaml(self.text, self._file)
        self._root = _root(self.text)


def _root(text: str) -> yaml.MappingNode:
    # A mark counts the byte order mark, which is no part of the first line.
    node = BoundedLoader(text).get_single_node()
    assert isinstance(node, yaml.MappingNode)
    return node


def _pairs(node: yaml.Node) -> list[Pair]:
    match node:
        case yaml.MappingNode(value=pairs):
            return list(pairs)
    return []


def _walk(node: yaml.Node) -> list[yaml.Node]:
    match node:
        case yaml.MappingNode(value=pairs):
            return [node, *(inner for _, value in pairs for inner in _walk(value))]
        case yaml.SequenceNode(value=items):
            return [node, *(inner for item in items for inner in _walk(item))]
    return [node]


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) and not node.flow_style


def _end(node: yaml.Node) -> int:
    """Return where a value ends, without the comments and blank lines that follow it."""
    match node:
        case yaml.MappingNode(value=[*_, (_, last)]) if not node.flow_style:
            return _end(last)
        case yaml.SequenceNode(value=[*_, last]) if not node.flow_style:
            return _end(last)
        case yaml.ScalarNode(style="|" | ">"):
            # The end of a block text is the begin of the next line that is none of it.
            return node.end_mark.index - 1
    return node.end_mark.index


def _indented(value: str, depth: int) -> str:
    """Return the text after a colon, with its lines this deep."""
    first, *lines = value.split("\n")
    return "\n".join([first, *((" " * depth + line if line.strip() else line) for line in lines)])
