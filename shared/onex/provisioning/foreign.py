"""Topics and schemas that exist outside of the mesh: what a plan finds wrong with them, and stand-ins for them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, cast

from onex.bus.protocols import ProtocolEventBus, TopicState
from onex.errors import SchemaMismatchError
from onex.provisioning.declared import ANY_PARTITIONS, Declared, DeclaredTopic, ForeignSchema
from onex.schema import ProtocolSchemaCatalogue, avro_schema
from onex.schema.avro_schema import Schema
from onex.schema.foreign import AvroSchema
from onex.schema.record_names import named, names_text, record_names
from onex.schema.references import defined_once
from onex.schema.resolving import missing_fields, unwritable, writes_aliases
from onex.schema.topic_catalogue import SCHEMAS_TOPIC

_PARTITIONS: Final = 4
"""Partitions of a stand-in to which the mesh only writes."""


def foreign_topic_problem(topic: DeclaredTopic, present: TopicState | None) -> str:
    """Return why the mesh cannot use a topic that exists outside of it. Empty when it can."""
    wanted = topic.state.partitions
    if present is None:
        return (
            "does not exist, and the mesh does not create topics of others; create it there, or fix the name in "
            f"event_bus of {topic.declared_by}"
        )
    is_right = wanted == present.partitions if topic.keyed_state else wanted >= present.partitions
    if wanted == ANY_PARTITIONS or is_right:
        return ""
    return (
        f"has {present.partitions} partitions, and {topic.declared_by} expects {wanted}; set "
        f"event_bus.topic_config.partitions of {topic.declared_by} to {present.partitions}"
    )


def foreign_schema_problems(declared: Declared, catalogue: ProtocolSchemaCatalogue) -> Iterator[tuple[str, str]]:
    """Yield subject and reason for each schema of others whose latest version is no message. Raise BusError."""
    # Messages of one topic may share a subject, and its problem.
    yield from dict.fromkeys(_schema_problems(declared, catalogue))


def _schema_problems(declared: Declared, catalogue: ProtocolSchemaCatalogue) -> Iterator[tuple[str, str]]:
    versions = catalogue.versions([schema.subject for schema in declared.foreign_schemas])
    for schema in declared.foreign_schemas:
        if not (found := versions[schema.subject]):
            yield (
                schema.subject,
                f"is no subject of the registry, and {schema.topic} is bound to Avro; name the subject of its values "
                "in event_bus.topics, or set SCHEMA_REGISTRY_URL to their registry",
            )
            continue
        latest = found[-1]
        if problem := _problem(cast(AvroSchema, json.loads(latest.text)), schema):
            yield schema.subject, f"version {latest.version} {problem}"


def _problem(latest: AvroSchema, declared: ForeignSchema) -> str:
    """Return why a schema of others does not fit the message. Empty when it does."""
    if declared.record and declared.record not in record_names(latest):
        return f"has no record {declared.record}, but {names_text(latest)}; name the record in messages"
    if declared.is_written:
        problem = unwritable(latest, declared.model, declared.record) or _unclear_names(latest, declared)
        return problem and f"cannot be written: {problem}"
    try:
        missing = missing_fields(latest, declared.model, declared.record)
    except SchemaMismatchError as error:
        return f"does not resolve to {declared.model.__name__}: {error}"
    return f"lacks {', '.join(missing)}; give them a default, or remove them" if missing else ""


def _unclear_names(latest: AvroSchema, declared: ForeignSchema) -> str:
    """Return why an agent that writes with a schema would not start. Empty when it would."""
    try:
        writes_aliases(latest, declared.model, declared.record)
    except SchemaMismatchError as error:
        return str(error)
    return ""


def create_foreign(declared: Declared, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue | None) -> list[str]:
    """Create those foreign topics that the cluster lacks, and return their names. Raise BusError.

    A subject without a schema gets the one of our message. Only for the in-memory broker and for a broker that
    belongs to ``onex up``: on any other cluster a topic of others is theirs to create. None for ``catalogue``: the
    registry belongs to others, and its subjects are theirs to register.
    """
    wanted = [topic.state for topic in declared.topics.values() if topic.foreign]
    present = bus.admin.topics([state.name for state in wanted]) if wanted else {}
    missing = [state for state in wanted if state.name not in present]
    bus.admin.create([replace(s, partitions=_PARTITIONS) if s.partitions == ANY_PARTITIONS else s for s in missing])
    if catalogue is None:
        return [state.name for state in missing]
    subjects = _stand_ins(declared.foreign_schemas)
    registered = catalogue.versions(list(subjects)) if subjects else {}
    if unknown := {subject: schema for subject, schema in subjects.items() if not registered[subject]}:
        schemas = declared.prefix + SCHEMAS_TOPIC
        if not bus.admin.topics([schemas]):
            bus.admin.create([declared.topics[schemas].state])
        catalogue.register(unknown)
    return [state.name for state in missing]


def _stand_ins(schemas: Iterable[ForeignSchema]) -> dict[str, Schema]:
    """Return a schema for each subject: that of its message, or a union where it has several records."""
    branches: dict[str, dict[str, Schema]] = {}
    for each in schemas:
        schema = named(avro_schema(each.model), each.record) if each.record else avro_schema(each.model)
        branches.setdefault(each.subject, {})[each.record] = schema
    return {
        subject: defined_once([*records.values()]) if len(records) > 1 else next(iter(records.values()))
        for subject, records in branches.items()
    }
