"""A Confluent-compatible schema registry over HTTP, as a catalogue."""

import json
from collections.abc import Collection, Mapping, Sequence

import httpx
from pydantic import JsonValue
from typing_extensions import override

from onex.errors import BusUnavailableError, ConfigurationError, ProvisioningError, SchemaMismatchError
from onex.schema.avro_schema import Schema, canonical
from onex.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion
from onex.schema.references import Reference, Referring, references_of, with_references
from onex.util.error_text import scrubbed
from onex.util.tls import trusted

_LONGEST_QUOTE = 300
_MEDIA = "application/vnd.schemaregistry.v1+json"


class RegistryCatalogue(ProtocolSchemaCatalogue):
    """A registry as a catalogue. It caches schemas by id, because an id never changes."""

    def __init__(self, url: str) -> None:
        try:
            self._client = httpx.Client(
                base_url=url.rstrip("/"), timeout=10, headers={"Content-Type": _MEDIA}, verify=trusted()
            )
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"SCHEMA_REGISTRY_URL is no URL: {error}; write http://HOST:PORT") from None
        self._schemas: dict[int, Schema] = {}

    @override
    def id_of(self, subject: str, schema: Schema) -> int:
        response = self._ask("POST", f"/subjects/{subject}", {"schema": canonical(schema)})
        if response is None:
            raise SchemaMismatchError(f"the schema of {subject} is not registered; run `onex apply`")
        return int(response["id"])

    @override
    def schema_of(self, schema_id: int) -> Schema:
        schema = self.schemas_of((schema_id,)).get(schema_id)
        if schema is None:
            raise SchemaMismatchError(f"schema id {schema_id} is unknown, or not of Avro")
        return schema

    @override
    def schemas_of(self, schema_ids: Collection[int]) -> Mapping[int, Schema]:
        """Return the schemas of the ids that are registered: one request for each that is not cached."""
        for schema_id in schema_ids:
            if schema_id in self._schemas:
                continue
            response = self._ask("GET", f"/schemas/ids/{schema_id}")
            # The id of another kind of schema counts as unknown.
            if response is not None and response.get("schemaType", "AVRO") == "AVRO":
                self._schemas[schema_id] = self._whole(response)
        return {number: self._schemas[number] for number in schema_ids if number in self._schemas}

    @override
    def versions(self, subjects: Sequence[str]) -> Mapping[str, Sequence[SchemaVersion]]:
        return {subject: self._versions(subject) for subject in subjects}

    @override
    def register(self, schemas: Mapping[str, Schema]) -> Mapping[str, SchemaVersion]:
        """Add a version to each subject. Raise ProvisioningError when the registry refuses it, BusError."""
        return {subject: self._register(subject, schema) for subject, schema in schemas.items()}

    def _whole(self, response: Mapping[str, JsonValue]) -> Schema:
        """Return a schema with the types that it refers to."""
        return with_references(_referring(response), self._referred)

    def _referred(self, reference: Reference) -> Referring:
        response = self._ask("GET", f"/subjects/{reference.subject}/versions/{reference.version}")
        if response is None:
            raise SchemaMismatchError(
                f"{reference.name}: version {reference.version} of {reference.subject} is unknown"
            )
        return _referring(response)

    def _versions(self, subject: str) -> Sequence[SchemaVersion]:
        numbers = self._ask("GET", f"/subjects/{subject}/versions") or []
        versions = []
        for number in numbers:
            response = self._ask("GET", f"/subjects/{subject}/versions/{number}")
            if response is not None:
                text = canonical(self._whole(response))
                versions.append(SchemaVersion(subject, int(number), int(response["id"]), text))
        return versions

    def _register(self, subject: str, schema: Schema) -> SchemaVersion:
        self._ask("POST", f"/subjects/{subject}/versions", {"schema": canonical(schema)})
        response = self._ask("POST", f"/subjects/{subject}", {"schema": canonical(schema)})
        if response is None:
            raise ProvisioningError(f"the registry did not store the schema of {subject}")
        return SchemaVersion(subject, int(response["version"]), int(response["id"]), canonical(schema))

    def _ask(self, method: str, path: str, body: object = None):  # type: ignore[no-untyped-def]  # JSON of many shapes
        try:
            response = self._client.request(method, path, content=json.dumps(body) if body else None)
        except httpx.HTTPError as error:
            words = f"SCHEMA_REGISTRY_URL: no schema registry responds at {self._client.base_url}: {error}"
            raise BusUnavailableError(scrubbed(f"{words}; start it, or correct the setting")) from None
        if response.status_code == 404:
            return None
        if response.status_code == 409:
            raise ProvisioningError(f"the registry refuses {path}: {response.text}")
        if response.is_error:
            words = f"{response.status_code} {response.text[:_LONGEST_QUOTE]}"
            raise BusUnavailableError(f"the schema registry of SCHEMA_REGISTRY_URL returns for {path}: {words}")
        try:
            return response.json()
        except ValueError as error:  # the page of a proxy, while its registry is down
            raise BusUnavailableError(f"schema registry {path}: the response is not JSON: {error}") from None


def _referring(response: Mapping[str, JsonValue]) -> Referring:
    return Referring(json.loads(str(response["schema"])), references_of(response.get("references")))
