"""Examples: messages that go in, and what must come out. ``cases.yaml`` and ``examples`` have the same form."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from onex.model.contract.base import ContractPart

Payload = dict[str, JsonValue]
Named = dict[str, Payload]
"""``{TypeName: {field: value}}``: one message."""

_M = TypeVar("_M", bound=Mapping[str, Payload | str])


def _not_of_the_mesh(headers: dict[str, str]) -> dict[str, str]:
    """Raise ValueError for a header that only clients of the mesh write."""
    if own := sorted(name for name in headers if name.startswith("onex-") and name not in _OF_SENDERS):
        raise ValueError(f"{own[0]} is a header of the mesh; a case may have {', '.join(sorted(_OF_SENDERS))}")
    return headers


_OF_SENDERS = frozenset({"onex-deadline", "onex-idempotency-key"})
"""Headers of the mesh that senders choose."""
CaseHeaders = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")],
        Annotated[str, Field(max_length=8_192)],
    ],
    Field(max_length=32),
    AfterValidator(_not_of_the_mesh),
]


def _shaped(value: object) -> object:
    """Return a message with times as text. Raise ValueError for a value that is none, before the fields are read."""
    match value:
        case Mapping() if not all(isinstance(fields, Mapping | str) for fields in value.values()):
            raise ValueError("a message is `TypeName: {field: value}`, or `bytes: hexadecimal digits` in quotes")
        case _:
            return _times_as_text(value)


def _times_as_text(value: object) -> object:
    """Return YAML's times as JSON has them: as text."""
    match value:
        case date():  # also a datetime
            return value.isoformat()
        case dict():
            return {name: _times_as_text(item) for name, item in value.items()}
        case list():
            return [_times_as_text(item) for item in value]
        case _:
            return value


def _one_message(named: _M) -> _M:
    if len(named) != 1:
        raise ValueError(f"one message is `TypeName: {{field: value}}`, and here are {len(named)}")
    for name, payload in named.items():
        if (name == "bytes") is not isinstance(payload, str):
            raise ValueError("fields of a message are a mapping, and `bytes` are hexadecimal digits in quotes")
        if isinstance(payload, str):
            bytes.fromhex(payload)
    return named


class Expected(ContractPart):
    """The messages, or the dead letter, that ``when`` must lead to.

    Fields that are not named in ``publishes`` may have any value, and so may fields with the value ``"*"``. In a text
    ``*`` matches any characters, and ``\\*`` for itself. Times are compared as times, in any notation.
    """

    publishes: tuple[Annotated[Named, BeforeValidator(_shaped), AfterValidator(_one_message)], ...] = ()
    """Messages, in any order."""
    dead_letter: Mapping[str, str] | None = None
    """Headers of the dead letter: ``class``, ``stage`` and others."""


class Case(ContractPart):
    """Feeds ``given`` one message after the other, then ``when``, and compares the results of ``when``."""

    name: str
    """One sentence: what the node does."""
    given: tuple[Annotated[Named, BeforeValidator(_shaped), AfterValidator(_one_message)], ...] = ()
    """Messages that came before."""
    given_headers: CaseHeaders = Field(default_factory=dict)
    """Headers of the records of ``given``."""
    when: Annotated[Mapping[str, Payload | str], BeforeValidator(_shaped), AfterValidator(_one_message)]
    """A message, or ``{bytes: hex}`` for the first subscribed topic."""
    headers: CaseHeaders = Field(default_factory=dict)
    """Headers of the record of ``when``, such as ``authorization``."""
    then: Expected
    """What must come out."""
