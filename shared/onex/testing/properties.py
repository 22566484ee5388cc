"""Properties of any node over arbitrary valid messages, for tests with hypothesis."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Union, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st

from onex.contract import ResolvedNode, resolve_node
from onex.model.cancel import CancelWorkflow
from onex.model.enums import EnumFailureClass, EnumNodeKind
from onex.model.message import Message
from onex.testing.cases import Named
from onex.testing.driver import MeshDriver
from onex.testing.run_case import letter_of, published_by

History = Sequence[Message]
"""Messages in the order in which a node gets them."""
_MOST_MESSAGES = 4
_LONGEST_TEXT, _MOST_ITEMS = 12, 3
_LARGEST = 2**31
_KEYS = ("a", "b")
"""Values of key fields: few, so that messages meet in the same state."""
_ALLOWED = frozenset({EnumFailureClass.REJECTED.value, EnumFailureClass.UNFINISHED.value})
_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
_CHARACTERS = st.one_of(st.integers(0x20, 0x7E), st.integers(0, 0xD7FF), st.integers(0xE000, 0x10FFFF)).map(chr)
"""All that UTF-8 has, without hypothesis' table of Unicode: computing it takes seconds, in every fresh process."""
_PLAIN: Mapping[object, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    bytes: st.binary(max_size=_LONGEST_TEXT),
    date: st.dates(date(1971, 1, 1), date(2100, 1, 1)),
    datetime: _MOMENTS,
    float: st.floats(-_LARGEST, _LARGEST, width=32),
    int: st.integers(-_LARGEST, _LARGEST),
    str: st.lists(_CHARACTERS, max_size=_LONGEST_TEXT).map("".join),
    UUID: st.uuids(),
}


def histories(folder: Path) -> st.SearchStrategy[History]:
    """Return a strategy of one to four messages that the node in a folder takes, each valid and of any content."""
    # The node is resolved when a test draws: a test that is skipped without the node's environment needs none.
    return st.deferred(lambda: _histories(_node(folder)))


def _histories(node: ResolvedNode) -> st.SearchStrategy[History]:
    inputs = [route.model for route in node.all_routes if route.model is not CancelWorkflow]
    return st.lists(st.one_of(*map(messages, inputs)), min_size=1, max_size=_MOST_MESSAGES)


@cache
def _node(folder: Path) -> ResolvedNode:
    return resolve_node(folder, "", environment=os.environ)


def messages(model: type[Message]) -> st.SearchStrategy[Message]:
    """Return a strategy of messages of a type. Numbers have 32 bits, and the key is one of few."""
    fields = {name: _values(info.annotation) for name, info in model.model_fields.items()}
    if model.key_field is not None and model.model_fields[model.key_field].annotation is str:
        fields[model.key_field] = st.sampled_from(_KEYS)
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


def problem_of(folder: Path, history: History, *, virtual_time: bool = True) -> str:
    """Return what is wrong with the results of a node; empty when nothing is.

    Each message leads to declared results, or to a dead letter of class ``rejected``, or of class ``unfinished`` when
    a handler has the mark ``@unfinished``. A pure node returns the same for the same messages.
    """
    node = _node(folder)
    results = _results(node, history, virtual_time=virtual_time)
    allowed = _ALLOWED if node.unfinished else _ALLOWED - {EnumFailureClass.UNFINISHED.value}
    for message, (_, letter) in zip(history, results, strict=True):
        if letter and letter.get("class") not in allowed:
            return f"{message!r} became a dead letter of class {letter.get('class')}: {letter.get('message')}"
    if node.contract.node_type is not EnumNodeKind.EFFECT:
        again = _results(node, history, virtual_time=virtual_time)
        for message, first, second in zip(history, results, again, strict=True):
            if (first[0], _class_of(first[1])) != (second[0], _class_of(second[1])):
                return f"{message!r} led to {first[0]}, and the second time to {second[0]}"
    return ""


def _results(
    node: ResolvedNode, history: History, *, virtual_time: bool
) -> list[tuple[list[Named], Mapping[str, str] | None]]:
    driver = MeshDriver([node], virtual_time=virtual_time)
    try:
        sent = [
            driver.send(message, key=_KEYS[0], id=f"message-{number}", correlation_id="history")
            if message.partition_key() is None
            else driver.send(message, id=f"message-{number}", correlation_id="history")
            for number, message in enumerate(history)
        ]
        return [(published_by(driver, each), letter_of(driver, each)) for each in sent]
    finally:
        driver.close()


def _class_of(letter: Mapping[str, str] | None) -> str:
    return letter.get("class", "") if letter else ""


def _values(annotation: object) -> st.SearchStrategy[object]:
    """Return a strategy of the values of a field's type."""
    if annotation in (None, NoneType):
        return st.none()
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return messages(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin in (Union, UnionType):
            return st.one_of(*map(_values, arguments))
        case origin if origin is list:
            return st.lists(_values(arguments[0]), max_size=_MOST_ITEMS)
        case origin if origin is tuple:
            return st.lists(_values(arguments[0]), max_size=_MOST_ITEMS).map(tuple)
        case origin if origin is dict:
            return st.dictionaries(_values(arguments[0]), _values(arguments[1]), max_size=_MOST_ITEMS)
        case _:
            raise TypeError(f"no values of the type {annotation} can be made; test this node with cases")
