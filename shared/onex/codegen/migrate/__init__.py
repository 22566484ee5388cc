"""Older contracts of this mesh become contracts in the current version of the schema, with their comments."""

from onex.codegen.migrate.run import Migration, migrated
from onex.codegen.migrate.versions import VERSIONS, SchemaVersion

__all__ = ["VERSIONS", "Migration", "SchemaVersion", "migrated"]
