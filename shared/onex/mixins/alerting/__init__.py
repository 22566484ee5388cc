"""Alerting: rules over metrics, events and health checks, and the notification of people about them."""

from onex.mixins.alerting.mixin_alerting import MixinAlerting
from onex.mixins.alerting.model_alert_rule import EnumAlertCombination, EnumAlertOperator, ModelAlertRule
from onex.mixins.alerting.model_alerting_subcontract import ModelAlertingSubcontract, ModelAlertmanager
from onex.mixins.alerting.protocol_alerting import AlertFacts, EnumAlertState, ProtocolAlerting

__all__ = [
    "AlertFacts",
    "EnumAlertCombination",
    "EnumAlertOperator",
    "EnumAlertState",
    "MixinAlerting",
    "ModelAlertRule",
    "ModelAlertingSubcontract",
    "ModelAlertmanager",
    "ProtocolAlerting",
]
