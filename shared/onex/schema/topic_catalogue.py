"""The default catalogue: the compacted topic ``_schemas`` in the record format of Confluent's registry."""

import json
from collections.abc import Collection, Mapping, Sequence

from pydantic import JsonValue
from typing_extensions import override

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.errors import MissingTopicError, SchemaMismatchError
from onex.schema.avro_schema import Schema, canonical
from onex.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion
from onex.schema.references import Reference, Referring, references_of, with_references
from onex.wire.skipped import SkippedRecords

SCHEMAS_TOPIC = "_schemas"
_HIGHEST_ID = 2**31 - 1
_NO_SCHEMA = (ValueError, TypeError, KeyError, AttributeError, RecursionError, SchemaMismatchError)
"""Errors for a record that is no Avro schema. Any client may write to the topic."""
_WRITER = "onex-provisioning"


class TopicCatalogue(ProtocolSchemaCatalogue):
    """Caches the topic ``_schemas``. It reads new records when a caller requests an unknown id or schema."""

    def __init__(self, bus: ProtocolEventBus, prefix: str = "") -> None:
        """``prefix``: the setting ``topic_prefix``. Each prefix has its own ids, subjects and writer."""
        self._bus = bus
        self._topic = prefix + SCHEMAS_TOPIC
        self._writer = prefix + _WRITER
        self._subjects: dict[str, dict[int, SchemaVersion]] = {}
        self._by_id: dict[int, str] = {}
        self._next = 0
        self._highest = 0
        """Highest id of any record, including other kinds of schemas. New ids come after it."""
        self._foreign: dict[str, set[int]] = {}
        """Versions that are no Avro schemas, by subject."""
        self.skipped = SkippedRecords()
        """Records that are no Avro schemas."""

    @override
    def id_of(self, subject: str, schema: Schema) -> int:
        version = self._find(subject, canonical(schema))
        if version is None:
            self._refresh()
            version = self._find(subject, canonical(schema))
        if version is None:
            raise SchemaMismatchError(f"the schema of {subject} is not registered; run `onex apply`")
        return version.id

    @override
    def schema_of(self, schema_id: int) -> Schema:
        schema = self.schemas_of((schema_id,)).get(schema_id)
        if schema is None:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown, or not of Avro")
        return schema

    @override
    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """Return the schemas of the ids that are registered. It reads the topic at most once. Raise BusError."""
        if any(schema_id not in self._by_id for schema_id in schema_ids):
            self._refresh()
        return {number: json.loads(self._by_id[number]) for number in schema_ids if number in self._by_id}

    @override
    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        self._refresh()
        every = self._subjects
        return {subject: [version for _, version in sorted(every.get(subject, {}).items())] for subject in subjects}

    @override
    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """Add a version to each subject that lacks the schema, in one transaction. Raise BusError.

        Raise FencedError when another process registers at the same time.
        """
        # The owner of the transactional id is the only writer, so that ids and versions are unique.
        transaction = self._bus.transaction(self._writer)
        try:
            transaction.begin()
            self._refresh()
            added = self._numbered(schemas)
            for version in added:
                key = {"keytype": "SCHEMA", "subject": version.subject, "version": version.version, "magic": 1}
                value = {
                    "subject": version.subject,
                    "version": version.version,
                    "id": version.id,
                    "schema": version.text,
                }
                raw_key = json.dumps(key, separators=(",", ":")).encode()
                transaction.produce(self._topic, json.dumps({**value, "deleted": False}).encode(), raw_key, [])
            transaction.commit(None, {})
        finally:
            transaction.close()
        for version in added:
            self._take(version)
        registered = {subject: self._find(subject, canonical(schema)) for subject, schema in schemas.items()}
        return {subject: version for subject, version in registered.items() if version is not None}

    def _numbered(self, schemas: Mapping[str, Schema]) -> list[SchemaVersion]:
        """Return new versions of the schemas that are not registered. Equal schemas share an id."""
        ids = {text: number for number, text in self._by_id.items()}
        added: list[SchemaVersion] = []
        for subject, schema in schemas.items():
            text = canonical(schema)
            if self._find(subject, text) is None:
                number = ids.setdefault(text, max(self._highest, *ids.values(), 0) + 1)
                versions = (*self._subjects.get(subject, ()), *self._foreign.get(subject, ()))
                added.append(SchemaVersion(subject, max(versions, default=0) + 1, number, text))
        return added

    def _find(self, subject: str, text: str) -> SchemaVersion | None:
        return next((v for v in self._subjects.get(subject, {}).values() if v.text == text), None)

    def _take(self, version: SchemaVersion) -> None:
        self._subjects.setdefault(version.subject, {})[version.version] = version
        self._by_id[version.id] = version.text

    def _refresh(self) -> None:
        """Read the new records of the topic. A catalogue without its topic is empty."""
        try:
            reader = self._bus.read({Partition(self._topic, 0): self._next})
        except MissingTopicError:
            return
        try:
            for record in reader.until_end():
                self._next = record.offset() + 1
                try:
                    self._read(record.key(), record.value())
                except _NO_SCHEMA as error:
                    self.skipped.skip(record, error)
        finally:
            reader.close()

    def _read(self, key: bytes | None, value: bytes | None) -> None:
        """Read one record. Raise one of ``_NO_SCHEMA`` for a record that is no Avro schema."""
        if not key or not value or json.loads(key).get("keytype") != "SCHEMA":
            return  # a deletion, or a setting of the registry
        data = json.loads(value)
        subject, version, number = str(data["subject"]), int(data["version"]), int(data["id"])
        if not 0 < number <= _HIGHEST_ID:
            raise ValueError(f"id {number} does not fit into four bytes")
        self._highest = max(self._highest, number)
        kind = data.get("schemaType", "AVRO")
        text = self._text(data) if kind == "AVRO" else ""
        if not text:
            self._foreign.setdefault(subject, set()).add(version)
            raise ValueError(f"schema {number} of {subject} is {kind}, not AVRO")
        self._take(SchemaVersion(subject, version, number, text))

    def _text(self, data: dict[str, JsonValue]) -> str:
        """Return the canonical text of a schema, with the types that it refers to: a registry writes those first."""
        referring = Referring(json.loads(str(data["schema"])), references_of(data.get("references")))
        return canonical(with_references(referring, self._referred))

    def _referred(self, reference: Reference) -> Referring:
        version = self._subjects.get(reference.subject, {}).get(reference.version)
        # After a deletion the name stays unknown: the schema is refused when a record needs it.
        return Referring(json.loads(version.text)) if version else Referring(None)
