"""YAML with limits: contracts come from files, and from senders of messages to nodes that read them."""

from typing import Final, NoReturn

import yaml

LARGEST: Final = 128 * 1024
"""Characters of a contract. What is read costs time and memory in proportion."""
DEEPEST: Final = 40
"""Levels of lists and maps within each other."""
MOST_VALUES: Final = 10_000
"""Keys, values and lists of a contract: reading one takes about a tenth of a millisecond."""
LONGEST_NUMBER: Final = 100
"""Characters of a number: Python's time for reading digits grows with their square."""
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class BoundedLoader(yaml.SafeLoader):
    """Compose one document. Raises MarkedYAMLError beyond the limits above, and for what a contract has no use for:

    aliases, which stand for any amount of content; tags; keys that are no texts; and texts that are no Unicode.
    """

    _depth = _values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Check what comes next before it is composed."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._values += 1
        if isinstance(event, yaml.AliasEvent):
            _refuse("aliases are refused", event)
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in (None, "!"):
            _refuse("tags are refused", event)
        if self._depth == DEEPEST:
            _refuse(f"has more than {DEEPEST} levels", event)
        if self._values > MOST_VALUES:
            _refuse(f"has more than {MOST_VALUES} values", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        match node:
            case yaml.ScalarNode():
                _check_scalar(node)
            case yaml.MappingNode():
                for key, _ in node.value:
                    if key.tag not in (_TEXT, _MERGE):
                        _refuse("a key that is no text; write it in quotes", key)
        return node


def _check_scalar(node: yaml.ScalarNode) -> None:
    if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
        _refuse(f"a number of more than {LONGEST_NUMBER} characters", node)
    if "\0" in node.value or any("\ud800" <= character <= "\udfff" for character in node.value):
        _refuse("a text with a zero or a surrogate in it", node)


def _refuse(what: str, where: yaml.Event | yaml.Node) -> NoReturn:
    mark = where.start_mark
    assert mark is None or isinstance(mark, yaml.Mark)
    raise yaml.MarkedYAMLError(problem=what, problem_mark=mark)
