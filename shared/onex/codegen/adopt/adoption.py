"""From sampled records to the files of a node, with everything that was guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.adopt.avro.counted import counted
from onex.codegen.adopt.avro.infer import AvroInference
from onex.codegen.adopt.avro.writers import AvroTopic, is_framed, read_avro
from onex.codegen.adopt.cases import cases_text
from onex.codegen.adopt.files import Wanted, own_topic, package_texts
from onex.codegen.adopt.infer import Inference
from onex.codegen.adopt.key import Read, correlation_of, key_of
from onex.codegen.adopt.names import class_name, message_name, node_owner
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.codegen.adopt.seen import Observer
from onex.codegen.adopt.types import Field, Model
from onex.codegen.adopt.values import Object, object_of
from onex.errors import RejectedError
from onex.schema import ProtocolSchemaCatalogue
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
_SHOWN: Final = 5
"""Other types of records in a note."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller chose."""

    message: str = ""
    node: str = ""
    to: str = ""
    cases: int = 3
    enums: bool = True
    without: frozenset[str] = frozenset()
    record: str = ""
    """Avro: name of the type of records, with or without its namespace. Default: the most frequent one."""
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


def adopt(sample: Sample, choices: Choices, catalogue: ProtocolSchemaCatalogue) -> Adoption:
    """Return a node for the topic. Raise RejectedError for records without a common message, ConfigurationError for
    names that cannot be used, ContractError for a topic that no contract can name, BusError for a registry that does
    not respond."""
    redactor = Redactor((*_SECRETS, *choices.secrets))
    values = [record.value for record in sample.records if record.value]
    tombstones = sum(record.value is None for record in sample.records)
    empty = len(sample.records) - len(values) - tombstones
    if not values:
        more = f" with a value, only {tombstones} tombstones and {empty} empty values" if sample.records else ""
        raise RejectedError(f"{sample.topic}: has no records{more}; adopt it when it has some, or bind it by hand")
    if 2 * sum(map(is_framed, values)) > len(values):
        found = _from_schemas(sample, choices, redactor, catalogue)
    else:
        found = _from_objects(sample, choices, redactor)
    notes = [*found.notes]
    if tombstones:
        notes.append(
            f"{tombstones} of {len(sample.records)} records are tombstones, and would be dead letters; write "
            "tombstones: ignore to pass over them"
        )
    if empty:
        notes.append(f"{empty} of {len(sample.records)} records have an empty value, and would be dead letters")
    owner = node_owner(sample.topic, choices.node)
    model, read = found.model, found.read
    key, correlation = key_of(model, read), correlation_of(model, read)
    to = choices.to or own_topic(owner, model.name)
    wanted = Wanted(sample.topic, to, owner, model, key, correlation, found.avro)
    cases = cases_text(model, [data for _, data in read], choices.cases, redactor, found.form)
    return Adoption(wanted, package_texts(wanted, cases), len(read), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Found:
    model: Model
    read: Read
    notes: Sequence[str]
    form: str
    """What each record is."""
    avro: AvroTopic | None = None


def _from_schemas(sample: Sample, choices: Choices, redactor: Redactor, catalogue: ProtocolSchemaCatalogue) -> _Found:
    """Return the message of the writers' schemas."""
    avro = read_avro(sample, catalogue, choices.record)
    short = avro.topic.record.rpartition(".")[2]
    name = message_name(sample.topic, choices.message) if choices.message else class_name(short, set())
    inference = AvroInference(redactor, choices.without, enums=choices.enums)
    model = counted(inference.message(avro.versions, name), [data for _, data in avro.read])
    total = len(avro.read) + avro.unreadable + sum(avro.others.values())
    if avro.unreadable > _MOST_UNREADABLE * total:
        raise RejectedError(f"{sample.topic}: {avro.unreadable} of {total} records cannot be read: {avro.problem}")
    notes = []
    if avro.unreadable:
        notes.append(f"{avro.unreadable} of {total} records would be dead letters: {avro.problem}")
    if avro.unread:
        notes.append(f"{avro.unread} of {len(sample.records)} records were not read: those before are enough")
    if avro.rare:
        notes.append(
            f"{avro.rare} of {len(sample.records)} records were not read: their schemas are not among the most "
            "frequent ones"
        )
    if avro.latest_problem:
        notes.append(f"the latest schema is not used, but those of the sample: {avro.latest_problem}")
    if not avro.topic.is_only_type and not avro.others:
        notes.append(
            "all records are of one type, but the schemas allow others on the topic. The node passes over those"
        )
    if avro.others:
        counts = ", ".join(f"{name[:80]} in {count}" for name, count in [*avro.others.items()][:_SHOWN])
        notes.append(
            f"the topic has other types, too: {counts}. The node passes over them. --record chooses the type, and "
            "one node can have several (docs/existing-topics.md)"
        )
    if not avro.topic.subject:
        notes.append("no subject has a schema of the records; name it in the contract, for onex plan")
    return _Found(model, avro.read, [*notes, *inference.notes], "Avro", avro.topic)


def _from_objects(sample: Sample, choices: Choices, redactor: Redactor) -> _Found:
    """Return the message of the records that are JSON objects. Raise RejectedError."""
    if choices.record:
        raise RejectedError(f"--record {choices.record[:80]}: belongs to Avro; the values of {sample.topic} are none")
    found: list[tuple[SampledRecord, Object]] = []
    refused = 0
    for record in sample.records:
        if record.value and (data := object_of(record.value)) is not None:
            found.append((record, data))
        elif record.value:
            refused += 1
    total = len(sample.records)
    if refused > _MOST_UNREADABLE * (len(found) + refused):
        raise RejectedError(
            f"{sample.topic}: {refused} of {total} records are no JSON objects; bind the topic by hand with "
            "format: bytes"
        )
    notes = [f"{refused} of {total} records are no JSON objects, and would be dead letters"] if refused else []
    observer, inference = Observer(choices.without), Inference(redactor, enums=choices.enums)
    for _, data in found:
        observer.add(data)
    model = inference.message(observer.root, message_name(sample.topic, choices.message))
    return _Found(model, found, [*notes, *inference.notes], "JSON object")
