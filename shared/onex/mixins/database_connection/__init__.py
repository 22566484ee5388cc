"""Database connection: the ONEX name of the address of a database and its time limits."""

from onex.mixins.database_connection.mixin_database_connection import MixinDatabaseConnection
from onex.mixins.database_connection.model_database_connection_subcontract import ModelDatabaseConnectionSubcontract

__all__ = ["MixinDatabaseConnection", "ModelDatabaseConnectionSubcontract"]
