"""The wrapper of effects that work on a database."""

from onex.mixins.database import MixinDatabase
from onex.mixins.transactions import MixinTransactions
from onex.mixins.wrappers.kinds import ModelServiceEffect


class ModelServiceDatabaseEffect(MixinDatabase, MixinTransactions, ModelServiceEffect):
    """A ModelServiceEffect with ``self.database``, ``self.transactions`` and a check of the database."""
