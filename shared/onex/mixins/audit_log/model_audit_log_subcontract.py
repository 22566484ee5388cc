"""Configuration of the audit log."""

from typing import ClassVar

from pydantic import Field, SecretStr

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelAuditLogSubcontract(Subcontract):
    """What is recorded. Source: seed 001, MixinAuditLog."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    record_messages: bool = True
    """Record each message before its handler runs, and what came of it; False leaves it to the node."""
    include_fields: tuple[str, ...] = ()
    """Fields of messages that stand in their entries; without any only type, ids and sender do."""
    sensitive_field_patterns: tuple[str, ...] = ("password", "secret", "token", "key")
    """What stands under such names, or names with such words, is hidden."""
    seal_key: SecretStr = SecretStr("")
    """Entries are sealed with it, so that only who has it can make up a whole new chain; empty: a plain hash, which
    shows changes to who has kept an older entry."""
    fail_closed: bool = True
    """What cannot be recorded is not done: the message is tried again later. Else it is done, and a line says so."""
    max_unsent: int = Field(default=1_000, ge=1, le=100_000)
    """Entries that wait in memory while they cannot be written. Beyond it the oldest ones are dropped and counted;
    with ``fail_closed`` nothing more is done until there is room."""
    max_detail: int = Field(default=1_000, ge=10, le=100_000)
    """Longer details are cut."""
