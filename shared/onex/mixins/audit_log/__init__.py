"""Audit log: sealed entries about what each sender did."""

from onex.mixins.audit_log.chain import problems_of
from onex.mixins.audit_log.mixin_audit_log import MixinAuditLog
from onex.mixins.audit_log.model_audit_log_subcontract import ModelAuditLogSubcontract
from onex.mixins.audit_log.protocol_audit_log import ProtocolAuditLog

__all__ = ["MixinAuditLog", "ModelAuditLogSubcontract", "ProtocolAuditLog", "problems_of"]
