"""The protocol of schema catalogues. The default is a topic; a Confluent-compatible registry is the alternative."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from onex.schema.avro_schema import Schema


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One registered version of a subject. ``text`` is the canonical JSON of the schema."""

    subject: str
    version: int
    id: int
    text: str


class ProtocolSchemaCatalogue(Protocol):
    """Schemas by id and by subject. Agents only read them; provisioning registers them."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """Return the id of exactly this schema under a subject.

        Raises SchemaMismatchError when it is not registered, BusError.
        """
        ...

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id.

        Raises SchemaMismatchError when the id is not registered, BusError when the catalogue cannot be read.
        """
        ...

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """Return the schemas of the ids that are registered. Raise BusError."""
        ...

    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        """Return the versions of each subject, oldest first; none for an unknown subject. Raise BusError."""
        ...

    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """Add a version to each subject that lacks the schema, and return the versions. Raise BusError.

        It does not check compatibility.
        """
        ...


def subject_of(topic: str) -> str:
    """Return the subject of the values of a topic (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"
