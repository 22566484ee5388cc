"""Configuration of capabilities whose defaults refuse each message, or that need a secret or another node."""

import base64
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from onex.mixins.catalogue import CATALOGUE
from onex.model.enums import EnumNodeKind

CONFIGURATIONS: Final[Mapping[str, dict[str, JsonValue]]] = {
    "MixinAuthentication": {"authenticate_messages": False},
    "MixinAuthorization": {"authorize_messages": False},
    "MixinCheckpointManagement": {"node": "node_tally_reducer"},
    "MixinEncryption": {"keys": [{"id": "k", "value": base64.b64encode(b"k" * 32).decode()}]},
    "MixinHMACValidation": {
        "keys": [{"id": "k", "value": base64.b64encode(b"k" * 32).decode()}],
        "validate_messages": False,
    },
    "MixinHealthCheck": {"components": [{"name": "press", "critical": False}]},
    "MixinCircuitBreaker": {"services": [{"name": "bank-api", "failure_threshold": 2}]},
}
"""By class name of the mixin."""


def configuration_of(name: str, kind: EnumNodeKind) -> dict[str, JsonValue]:
    """Return the configuration of a capability or view for a kind, without the fields that are for an EFFECT only."""
    refused = () if kind is EnumNodeKind.EFFECT else CATALOGUE.metadata(name).effect_settings
    return {field: value for field, value in CONFIGURATIONS.get(name, {}).items() if field not in refused}
