"""Reads the sampled records with the schemas of their writers, and chooses the record and the subject."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from onex.codegen.adopt.avro.decode import PREFIX, Budget, TooManyValuesError, decoded
from onex.codegen.adopt.avro.parse import parse
from onex.codegen.adopt.avro.shapes import Record, Shape, Union, records_in
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.codegen.adopt.values import Object
from onex.errors import RejectedError
from onex.schema.catalogue import ProtocolSchemaCatalogue, subject_of

_MOST_SCHEMAS: Final = 64
"""Different schemas of sampled values that are looked up, the most frequent ones."""
_MOST_KEYS: Final = 8
"""The same for keys."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of values that are read."""
_MOST_VALUES: Final = 2_000_000
"""Values in them that are read: nulls have no bytes, and need memory."""
_MOST_IN_KEY: Final = 1_000
"""Values in a key."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class AvroTopic:
    """What the registry has for the topic."""

    record: str
    """Name of the record, with its namespace."""
    subject: str
    """Subject of its schema; empty when none was found."""
    strategy: str
    """How the subject is named: ``topic``, ``topic and record``, ``record``; empty without a subject."""
    is_only_type: bool
    """Whether every record of the topic is of this type: its subject is that of the topic, no schema is a union, and
    no sampled record is of another type."""
    schemas: tuple[int, ...]
    """Ids of the schemas of the record: the latest one of the subject first, then those of sampled records."""


@dataclass(frozen=True, slots=True)
class AvroSample:
    """The records of one type."""

    topic: AvroTopic
    versions: tuple[Record, ...]
    """The record in each of ``topic.schemas``."""
    read: Sequence[tuple[SampledRecord, Object]]
    unreadable: int
    """Values that are no Avro of a schema that is known."""
    problem: str
    """Why the first of them is not."""
    unread: int
    """Records after those that have enough bytes or values."""
    rare: int
    """Records with other schemas than those that were looked up."""
    latest_problem: str
    """Why the latest schema of the subject is not used; empty where it is."""
    others: Mapping[str, int]
    """Number of records of each other type."""


def is_framed(value: bytes | None) -> bool:
    """Return whether a value begins as Confluent's wire format does."""
    return value is not None and len(value) >= PREFIX.size and value[0] == 0


def read_avro(sample: Sample, catalogue: ProtocolSchemaCatalogue, wanted: str = "") -> AvroSample:
    """Return the records of the type ``wanted``, or of the most frequent one.

    Raise RejectedError when no record can be read, and for a type that no record has; BusError.
    """
    shapes, problems = _shapes(sample, catalogue)
    found: list[tuple[SampledRecord, Object, int, Record]] = []
    unreadable, rare, problem, size = 0, 0, "", 0
    budget = Budget(_MOST_VALUES)
    enough = len(sample.records)
    for number, record in enumerate(sample.records):
        if not record.value:
            continue
        if size > _MOST_BYTES:
            enough = number
            break
        size += len(record.value)
        schema_id = _id_of(record.value)
        if schema_id not in shapes and schema_id not in problems:
            rare += 1
            continue
        try:
            shape = shapes.get(schema_id)
            result = None if shape is None else decoded(shape, record.value, PREFIX.size, budget)
        except TooManyValuesError:
            problem = problem or f"a record has more than {_MOST_VALUES} values"
            enough = number
            break
        match result:
            case (dict() as data, Record() as kind):
                found.append((_with_key(record, shapes), data, schema_id, kind))
            case _:
                unreadable += 1
                problem = problem or problems.get(schema_id, "they are no Avro of a record with their schema")
    if not found:
        raise RejectedError(f"{sample.topic}: no record can be read: {problem}")
    counts = Counter(kind.name for *_, kind in found)
    chosen = _chosen(counts, wanted)
    kinds = {schema_id: kind for *_, schema_id, kind in found if kind.name == chosen}
    is_only = len(counts) == 1 and not any(_is_union(shapes[schema_id]) for *_, schema_id, _ in found)
    topic, versions, latest_problem = _subject(sample.topic, chosen, kinds, catalogue, is_only=is_only)
    read = [(record, data) for record, data, _, kind in found if kind.name == chosen]
    others = {name: count for name, count in counts.most_common() if name != chosen}
    unread = len(sample.records) - enough
    return AvroSample(topic, versions, read, unreadable, problem, unread, rare, latest_problem, others)


def _shapes(sample: Sample, catalogue: ProtocolSchemaCatalogue) -> tuple[dict[int, Shape], dict[int, str]]:
    """Return the schemas that values and keys have, and what is wrong with those that cannot be used."""
    values = _most((record.value for record in sample.records), _MOST_SCHEMAS)
    keys = _most((record.key for record in sample.records), _MOST_KEYS)
    shapes: dict[int, Shape] = {}
    problems = {-1: "they have no schema id"}
    wanted = dict.fromkeys([*values, *keys])
    schemas = catalogue.schemas_of(list(wanted))
    for schema_id in wanted:
        if schema_id not in schemas:
            problems[schema_id] = (
                f"the registry has no Avro schema {schema_id}; set SCHEMA_REGISTRY_URL to the one of their writers"
            )
            continue
        try:
            shapes[schema_id] = parse(schemas[schema_id], f"schema {schema_id}")
        except RejectedError as error:
            problems[schema_id] = str(error)
    return shapes, problems


def _most(values: Iterable[bytes | None], most: int) -> list[int]:
    return [number for number, _ in Counter(_id_of(value) for value in values if is_framed(value)).most_common(most)]


def _id_of(value: bytes | None) -> int:
    """Return the id of a value's schema; -1 without one."""
    if value is None or not is_framed(value):
        return -1
    return int(PREFIX.unpack_from(value)[1])


def _with_key(record: SampledRecord, shapes: Mapping[int, Shape]) -> SampledRecord:
    """Return the record with the text of a key in Avro: of a single value, or of a record with one field."""
    if record.key is None or (shape := shapes.get(_id_of(record.key))) is None:
        return record
    try:
        key = decoded(shape, record.key, PREFIX.size, Budget(_MOST_IN_KEY))
    except TooManyValuesError:
        return record
    match key:
        case (dict() as data, Record()) if len(data) == 1:
            value = next(iter(data.values()))
        case (value, None):
            pass
        case _:
            return record
    match value:
        case bool():
            return record
        case str() | int():
            return replace(record, key=str(value).encode())
    return record


def _chosen(counts: Counter[str], wanted: str) -> str:
    """Return the name of the wanted type, or of the most frequent one. Raise RejectedError."""
    if not wanted:
        return counts.most_common(1)[0][0]
    names = [name for name in counts if wanted in (name, name.rpartition(".")[2])]
    if len(names) != 1:
        known = ", ".join(name[:80] for name, _ in counts.most_common(_SHOWN))
        raise RejectedError(f"--record {wanted[:80]}: the sampled records are {known}; name one of them")
    return names[0]


def _subject(
    topic: str, record: str, kinds: Mapping[int, Record], catalogue: ProtocolSchemaCatalogue, *, is_only: bool
) -> tuple[AvroTopic, tuple[Record, ...], str]:
    """Find the subject that has a schema of the sampled records; return it with the schemas of the record.

    The text says why the latest schema of the subject is not one of them; empty where it is. ``is_only``: whether
    the sampled schemas show no other type.
    """
    strategies = {
        "topic": subject_of(topic),
        "topic and record": f"{topic}-{record}",
        "record": record,
    }
    versions = catalogue.versions(list(strategies.values()))
    newest = dict(sorted(kinds.items(), reverse=True))
    for strategy, subject in strategies.items():
        if not any(version.id in kinds for version in versions[subject]):
            continue
        latest, problem = versions[subject][-1], ""
        is_only = is_only and strategy == "topic"
        try:
            shape = parse(json.loads(latest.text), f"version {latest.version} of {subject}")
        except RejectedError as error:
            problem, is_only = str(error), False
        else:
            is_only = is_only and not _is_union(shape)
            if (first := next((each for each in records_in(shape) if each.name == record), None)) is not None:
                newest = {
                    latest.id: first,
                    **{number: kind for number, kind in newest.items() if number != latest.id},
                }
            else:
                problem = f"version {latest.version} of {subject} has no record {record[:80]}"
        return AvroTopic(record, subject, strategy, is_only, tuple(newest)), tuple(newest.values()), problem
    return AvroTopic(record, "", "", False, tuple(newest)), tuple(newest.values()), ""


def _is_union(shape: Shape) -> bool:
    """Return whether records of a schema are of several types, also where all but one are not sampled."""
    match shape:
        case Union():
            return True
    return False
