"""Durations of the contract, the settings and the brokers, which must fit together."""

from onex.errors import ConfigurationError
from onex.model.contract import ModelContract
from onex.model.enums import EnumGuarantee, EnumNodeKind
from onex.settings import Settings

_MAX_POLL_INTERVAL = "max.poll.interval.ms"


def batch_seconds(settings: Settings) -> float:
    """Return the seconds after which a pure node commits a batch: a third of the transaction timeout.

    The second third is for one call that may hang then, the last third for the commit.
    """
    return settings.transaction_timeout_ms / 3000


def call_seconds(contract: ModelContract, settings: Settings) -> float:
    """Return the seconds that one call of a pure handler may take: less than usual where it is in a transaction."""
    if contract.delivery.timeout is not None or contract.delivery.guarantee is not EnumGuarantee.EXACTLY_ONCE:
        return contract.handler_timeout
    return min(contract.handler_timeout, settings.transaction_timeout_ms / 2000)


def check_times(contract: ModelContract, settings: Settings) -> None:
    """Raise ConfigurationError, with the field and the remedy, for durations that cannot work together."""
    transaction = settings.transaction_timeout_ms / 1000
    pure = contract.node_type is not EnumNodeKind.EFFECT
    exactly_once = contract.delivery.guarantee is EnumGuarantee.EXACTLY_ONCE
    timeout = contract.delivery.timeout
    if pure and exactly_once and timeout is not None and timeout > transaction / 2:
        needed = round(timeout * 2000)
        raise ConfigurationError(
            f"{contract.name}: delivery.timeout of {timeout:g} s does not fit into a transaction, "
            f"which times out after {transaction:g} s and may spend half of it in one call; "
            f"write at most {transaction / 2:g}s, or set ONEX_TRANSACTION_TIMEOUT_MS to {needed} or more"
        )
    poll = float(settings.client_config.get(_MAX_POLL_INTERVAL, 300_000)) / 1000
    if settings.drain_timeout >= poll:
        raise ConfigurationError(
            f"ONEX_DRAIN_TIMEOUT of {settings.drain_timeout:g} s is not below {_MAX_POLL_INTERVAL} ({poll:g} s): "
            "the group would expel an agent that drains; set it lower, or raise the other in ONEX_KAFKA_CONFIG"
        )
