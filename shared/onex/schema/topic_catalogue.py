"""The default catalogue: the compacted topic ``_schemas`` in the record format of Confluent's registry."""

import json
from collections.abc import Collection, Mapping, Sequence

from pydantic import JsonValue

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.errors import MissingTopicError, SchemaMismatchError
from onex.schema.avro_schema import Schema, canonical
from onex.schema.catalogue import SchemaVersion
from onex.schema.references import Reference, Referring, references_of, with_references
from onex.wire.skipped import SkippedRecords

SCHEMAS_TOPIC = "_schemas"
_HIGHEST_ID = 2**31 - 1
_NO_SCHEMA = (ValueError, TypeError, KeyError, AttributeError, RecursionError, SchemaMismatchError)
"""What reading raises for a record that holds no schema of Avro: anybody may write to the topic."""
_WRITER = "onex-provisioning"


class TopicCatalogue:
    """Reads ``_schemas`` once and again when an unknown id or schema is asked for."""

    def __init__(self, bus: ProtocolEventBus, prefix: str = "") -> None:
        """``prefix`` of the environment: ids, subjects and their only writer are its own."""
        self._bus = bus
        self._topic = prefix + SCHEMAS_TOPIC
        self._writer = prefix + _WRITER
        self._subjects: dict[str, dict[int, SchemaVersion]] = {}
        self._by_id: dict[int, str] = {}
        self._next = 0
        self._highest = 0
        """The highest id that any record has, also of another kind of schema: new ids come after it."""
        self._foreign: dict[str, set[int]] = {}
        """Versions of subjects that are no Avro."""
        self.skipped = SkippedRecords()
        """Records that are no schemas of Avro."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """See :class:`ProtocolSchemaCatalogue`."""
        found = self._find(subject, canonical(schema))
        if found is None:
            self._refresh()
            found = self._find(subject, canonical(schema))
        if found is None:
            raise SchemaMismatchError(f"the schema of {subject} is not registered; run `onex apply`")
        return found.id

    def schema_of(self, schema_id: int) -> Schema:
        """See :class:`ProtocolSchemaCatalogue`."""
        found = self.schemas_of((schema_id,)).get(schema_id)
        if found is None:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown, or not of Avro")
        return found

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """See :class:`ProtocolSchemaCatalogue`. Reads the topic at most once."""
        if any(schema_id not in self._by_id for schema_id in schema_ids):
            self._refresh()
        return {number: json.loads(self._by_id[number]) for number in schema_ids if number in self._by_id}

    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        """See :class:`ProtocolSchemaCatalogue`."""
        self._refresh()
        known = self._subjects
        return {subject: [version for _, version in sorted(known.get(subject, {}).items())] for subject in subjects}

    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """See :class:`ProtocolSchemaCatalogue`; all or none.

        Raises FencedError when somebody else registers meanwhile.
        """
        # Whoever holds the transactional id is the only writer: ids and versions are counted under it.
        transaction = self._bus.transaction(self._writer)
        try:
            transaction.begin()
            self._refresh()
            added = self._numbered(schemas)
            for one in added:
                key = {"keytype": "SCHEMA", "subject": one.subject, "version": one.version, "magic": 1}
                value = {"subject": one.subject, "version": one.version, "id": one.id, "schema": one.text}
                raw_key = json.dumps(key, separators=(",", ":")).encode()
                transaction.produce(self._topic, json.dumps({**value, "deleted": False}).encode(), raw_key, [])
            transaction.commit(None, {})
        finally:
            transaction.close()
        for one in added:
            self._take(one)
        found = {subject: self._find(subject, canonical(schema)) for subject, schema in schemas.items()}
        return {subject: version for subject, version in found.items() if version is not None}

    def _numbered(self, schemas: Mapping[str, Schema]) -> list[SchemaVersion]:
        """Those that are not there yet, with the next versions; equal schemas share an id."""
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
        """Read what is new in the topic; a catalogue without its topic is an empty one."""
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
        """Take in one record. Raises ValueError and its like for one that is no schema of Avro."""
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
        """Canonical text of a record's schema, with what it refers to: a registry writes that first."""
        referring = Referring(json.loads(str(data["schema"])), references_of(data.get("references")))
        return canonical(with_references(referring, self._referred))

    def _referred(self, reference: Reference) -> Referring:
        found = self._subjects.get(reference.subject, {}).get(reference.version)
        # A version that was deleted leaves the name unknown: the schema is refused where a record needs it.
        return Referring(json.loads(found.text)) if found else Referring(None)
