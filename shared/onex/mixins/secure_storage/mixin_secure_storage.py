"""The mixin that adds stored secrets to a node."""

from pathlib import Path
from typing import Protocol

from onex.capability import AgentEnvironment, Container, Mixin, NodeIdentity, capability, configured, define
from onex.mixins.encryption import ProtocolEncryption
from onex.mixins.secure_storage.engine import SecureStorageEngine
from onex.mixins.secure_storage.model_secure_storage_subcontract import ModelSecureStorageSubcontract
from onex.mixins.secure_storage.protocol_secure_storage import ProtocolSecureStorage


class HasEncryption(Protocol):
    """A node with :class:`MixinEncryption`."""

    @property
    def container(self) -> Container: ...
    @property
    def encryption(self) -> ProtocolEncryption: ...


class MixinSecureStorage(Mixin):
    """``await self.secrets.put("bank.token", b"...")``"""

    definition = define(__file__, ModelSecureStorageSubcontract)

    @capability
    def secrets(self: HasEncryption) -> ProtocolSecureStorage:
        """The stored secrets."""
        settings, identity = configured(self, ModelSecureStorageSubcontract), self.container.get(NodeIdentity)
        folder = Path(settings.folder) if settings.folder else self.container.get(AgentEnvironment).home / "secrets"
        return SecureStorageEngine(settings, folder / identity.name, self.encryption)
