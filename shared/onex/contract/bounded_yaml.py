"""YAML with limits. Contracts come from files, and in messages from senders who are not trusted."""

from typing import Final, NoReturn

import yaml

LARGEST: Final = 128 * 1024
"""Longest contract, in characters. Reading takes time and memory in proportion."""
DEEPEST: Final = 40
"""Deepest nesting of lists and maps."""
MOST_VALUES: Final = 10_000
"""Largest number of keys, values and lists. Reading one takes about a tenth of a millisecond."""
LONGEST_NUMBER: Final = 100
"""Longest number, in characters. Python's time for reading digits grows with their square."""
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class BoundedLoader(yaml.SafeLoader):
    """Composes one document within the limits. It raises MarkedYAMLError for YAML that contracts do not use:

    aliases, which repeat any amount of content; tags; keys that are not text; and text that is not Unicode.
    """

    _depth = _values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Check the next event before it is composed."""
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
                        _refuse("a key is not text; write it in quotes", key)
        return node


def _check_scalar(node: yaml.ScalarNode) -> None:
    if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
        _refuse(f"a number of more than {LONGEST_NUMBER} characters", node)
    if "\0" in node.value or any("\ud800" <= character <= "\udfff" for character in node.value):
        _refuse("a text contains a zero or a surrogate", node)


def _refuse(what: str, where: yaml.Event | yaml.Node) -> NoReturn:
    mark = where.start_mark
    assert mark is None or isinstance(mark, yaml.Mark)
    raise yaml.MarkedYAMLError(problem=what, problem_mark=mark)
