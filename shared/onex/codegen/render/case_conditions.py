"""What the capabilities of a contract mean for its golden cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.introspect import ContractIntrospector, ModelEnhancedContract
from onex.contract.load import FILE_NAME, parse_with_variables
from onex.model.contract import ModelContract

_WITH_SERVERS: Final = frozenset(
    {"MixinDatabase", "MixinTransactions", "MixinKafkaConfiguration", "MixinKafkaHealthCheck"}
)
"""Capabilities that connect to a server when the node starts."""
_GUARDS: Final = {"MixinAuthentication": "authenticate_messages", "MixinAuthorization": "authorize_messages"}
"""Capabilities that refuse messages without a token, while this field of theirs is true."""
_SERVERS: Final = "ONEX_TEST_SERVERS"


@dataclass(frozen=True, slots=True)
class CaseConditions:
    """Conditions under which the cases of a node can pass."""

    variables: Sequence[str]
    """Environment variables without which the tests are skipped."""
    uses_servers: bool
    """Whether the node needs real servers and real time."""
    refuses: bool
    """Whether the node refuses each message of a case, because cases have no tokens."""


def conditions_of(text: str, contract: ModelContract) -> CaseConditions:
    """Return the conditions of a contract that :func:`generatable_contract` has checked."""
    enhanced = ContractIntrospector().enhance(contract, parse_with_variables(text, FILE_NAME)[1])
    operations = any(operation.type != "kafka" for operation in contract.io_operations)
    servers = operations or any(mixin.name in _WITH_SERVERS for mixin in enhanced.mixins)
    return CaseConditions([*([_SERVERS] if servers else []), *enhanced.variables], servers, _refuses(enhanced))


def _refuses(enhanced: ModelEnhancedContract) -> bool:
    for name, field in _GUARDS.items():
        mixin = enhanced.mixin(name)
        if mixin is not None and (mixin.config is None or getattr(mixin.config, field)):
            return True
    return False
