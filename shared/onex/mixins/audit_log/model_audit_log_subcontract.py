"""Configuration of the audit log."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import BaseModel, Field, SecretStr
from typing_extensions import override

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames
from onex.capability.mixin import Misfit
from onex.model.contract.version import ModelSemVer


class ModelAuditLogSubcontract(Subcontract):
    """Configuration of the audit log."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    record_messages: bool = True
    """Record each message before its handler runs, and its outcome. With False only the node's own entries are
    written."""
    include_fields: tuple[str, ...] = ()
    """Fields of messages that are copied into entries. Without any, an entry has type, ids and sender only."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Values are hidden under these names, and under names that contain one of these words."""
    seal_key: SecretStr = SecretStr("")
    """Key of the seals (HMAC-SHA256). Without it a forger cannot create a new chain. Empty uses plain SHA-256, which
    shows changes only to a reader that has stored an older entry."""
    fail_closed: bool = True
    """Do no work that cannot be recorded: the message is retried later. With False the failure is logged and the
    work is done. Entries of a COMPUTE, REDUCER or ORCHESTRATOR are always in the transaction of the message."""
    max_unsent: int = Field(default=1_000, ge=1, le=100_000)
    """Entries that wait in memory while they cannot be written. Beyond this number the oldest are dropped and
    counted; with ``fail_closed`` messages wait until there is room."""
    max_detail: int = Field(default=1_000, ge=10, le=100_000)
    """Characters of a detail. Longer details are cut."""

    @override
    def misfits(self, models: Mapping[str, type[BaseModel]]) -> Iterator[Misfit]:
        known = sorted({name for model in models.values() for name in model.model_fields})
        for index, name in enumerate(self.include_fields):
            if name not in known:
                words = f"no message has a field {name}, so no entry would"
                yield Misfit(("include_fields", index), words, f"name one of {', '.join(known)}")
