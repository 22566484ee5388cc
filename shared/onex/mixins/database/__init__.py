"""Database: PostgreSQL for effects."""

from onex.util.extras import require_extra

require_extra("postgres")

from onex.mixins.database.mixin_database import MixinDatabase
from onex.mixins.database.model_database_subcontract import EnumIsolation, EnumPooler, ModelDatabaseSubcontract
from onex.mixins.database.protocol_database import ProtocolDatabase

__all__ = ["EnumIsolation", "EnumPooler", "MixinDatabase", "ModelDatabaseSubcontract", "ProtocolDatabase"]
