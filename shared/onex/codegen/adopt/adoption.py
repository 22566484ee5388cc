"""From sampled records to the files of a node, with everything that was guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.cases import cases_text
from onex.codegen.adopt.files import Wanted, own_topic, package_texts
from onex.codegen.adopt.infer import Inference
from onex.codegen.adopt.key import Read, correlation_of, key_of
from onex.codegen.adopt.names import message_name, node_owner
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.codegen.adopt.seen import Observer
from onex.codegen.adopt.types import Field
from onex.codegen.adopt.values import Object, object_of
from onex.errors import RejectedError
from onex.util.redaction import Redactor

_SECRETS: Final = (
    "password",
    "passwd",
    "secret",
    "token",
    "key",
    "authorization",
    "credentials",
    "pin",
    "cvv",
    "iban",
    "ssn",
)
"""Names of fields whose values are not written: those of the capabilities, and some of people and payments."""
_MOST_UNREADABLE: Final = 0.05
"""Part of the records that may be no JSON objects."""
_HAS_SCHEMA: Final = b"\x00"
_SHORTEST_WITH_SCHEMA: Final = 5


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller chose."""

    message: str = ""
    node: str = ""
    to: str = ""
    cases: int = 3
    enums: bool = True
    without: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    """Further names of fields whose values are secrets."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """A node for a topic, and what was guessed for it."""

    wanted: Wanted
    files: Mapping[str, str]
    """Texts by path below the folder of the node's version."""
    records: int
    """Records that the guesses rest on."""
    notes: tuple[str, ...]

    @property
    def fields(self) -> Sequence[Field]:
        """All fields, those of inner objects behind the field that has them."""
        return tuple(self.wanted.model.every_field())


def adopt(sample: Sample, choices: Choices) -> Adoption:
    """Return a node for the topic. Raise RejectedError for records without a common message, ConfigurationError for
    names that cannot be used, ContractError for a topic that no contract can name."""
    message, owner = message_name(sample.topic, choices.message), node_owner(sample.topic, choices.node)
    read, notes = _read(sample)
    redactor = Redactor((*_SECRETS, *choices.secrets))
    observer, inference = Observer(choices.without), Inference(redactor, enums=choices.enums)
    for _, data in read:
        observer.add(data)
    model = inference.message(observer.root, message)
    key, correlation = key_of(model, read), correlation_of(model, read)
    wanted = Wanted(sample.topic, choices.to or own_topic(owner, message), owner, model, key, correlation)
    cases = cases_text(model, [data for _, data in read], choices.cases, redactor)
    return Adoption(wanted, package_texts(wanted, cases), len(read), (*notes, *inference.notes))


def _read(sample: Sample) -> tuple[Read, list[str]]:
    """Return the records that are JSON objects, and notes about the others. Raise RejectedError."""
    values = [(record, record.value) for record in sample.records]
    tombstones = sum(not value for _, value in values)
    found: list[tuple[SampledRecord, Object]] = []
    refused: list[bytes] = []
    for record, value in values:
        if value and (data := object_of(value)) is not None:
            found.append((record, data))
        elif value:
            refused.append(value)
    if not found and not refused:
        more = f" with a value, only {tombstones} without (tombstones)" if tombstones else ""
        raise RejectedError(f"{sample.topic}: has no records{more}; adopt it when it has some, or bind it by hand")
    if len(refused) > _MOST_UNREADABLE * (len(found) + len(refused)):
        raise RejectedError(f"{sample.topic}: {len(refused)} of {len(values)} records are {_form(refused)}")
    notes = []
    if refused:
        notes.append(f"{len(refused)} of {len(values)} records are no JSON objects, and would be dead letters")
    if tombstones:
        notes.append(f"{tombstones} of {len(values)} records are tombstones, and would be dead letters")
    return found, notes


def _form(refused: Sequence[bytes]) -> str:
    """Return what records are that cannot be adopted, and the remedy."""
    if all(value.startswith(_HAS_SCHEMA) and len(value) >= _SHORTEST_WITH_SCHEMA for value in refused):
        return "no JSON but have the id of a schema; bind the topic by hand with format: avro"
    return "no JSON objects; bind the topic by hand with format: bytes"
