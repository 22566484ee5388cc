"""The mixin that adds an audit log to a node."""

from onex.capability import (
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolEventSink,
    capability,
    configured,
    define,
)
from onex.capability.current_record import ProtocolCurrentRecord
from onex.capability.host import ProtocolKindHost
from onex.mixins.audit_log.engine import AuditLogEngine
from onex.mixins.audit_log.model_audit_log_subcontract import ModelAuditLogSubcontract
from onex.mixins.audit_log.protocol_audit_log import ProtocolAuditLog
from onex.util.clock import ProtocolClock


class MixinAuditLog(Mixin):
    """``await self.audit.record("refund approved", order="o-1")``; messages are recorded automatically."""

    definition = define(__file__, ModelAuditLogSubcontract)

    @capability
    def audit(self: ProtocolKindHost) -> ProtocolAuditLog:
        """The audit log."""
        container = self.container
        return AuditLogEngine(
            configured(self, ModelAuditLogSubcontract),
            container.get(NodeIdentity),
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolEventSink),
            container.get(ProtocolClock),
            container.get(ProtocolCurrentRecord),
            self.kind,
        )
