"""What any schema catalogue offers: the default is a topic, the other a Confluent-compatible registry."""

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
    """Agents only read; ``register`` belongs to provisioning."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """Id of exactly this schema under the subject; raises SchemaMismatchError when absent."""
        ...

    def schema_of(self, schema_id: int) -> Schema:
        """Schema of an id. Raises SchemaMismatchError when it is not registered, BusError when that is not known."""
        ...

    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """Schemas of those ids that are registered. Raises BusError."""
        ...

    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        """Versions of each of the subjects, oldest first; empty when unknown."""
        ...

    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """Add a version to each subject (or find it), and give them. Does not check compatibility."""
        ...


def subject_of(topic: str) -> str:
    """Subject of a topic's values (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"
