"""Whether an operator has paused the node: then its agents take no inputs."""

import math

import structlog
from typing_extensions import override

from onex.capability.health import ProtocolReadiness
from onex.capability.layer import ProtocolIntake
from onex.model.mesh import IntakeOrdered
from onex.model.mesh.health import PAUSED
from onex.util.printable import one_line

log = structlog.get_logger(__name__)
_LONGEST = 200
"""Characters of each text in an order. Any client may write orders."""


class PauseSwitch(ProtocolIntake):
    """Stops the intake of one agent. One thread sets it, others read it."""

    def __init__(self, readiness: ProtocolReadiness) -> None:
        self._readiness = readiness
        self._order: IntakeOrdered | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the agent takes no inputs, and fires no timers."""
        return self._order is not None

    def set(self, order: IntakeOrdered | None) -> None:
        """Follow the pause that holds; None for none.

        The agent stays ready: a rollout must not wait for an operator.
        """
        if order == self._order:
            return
        self._order = order
        if order is None:
            self._readiness.clear(PAUSED)
            log.warning("takes messages again")
            return
        why = f": {one_line(order.why[:_LONGEST])}" if order.why else ""
        who = one_line(order.who[:_LONGEST])
        reason = f"by {who} at {order.at:%Y-%m-%d %H:%M:%S}{why}; `onex resume {order.node}` ends it"
        self._readiness.degrade(PAUSED, reason)
        log.warning("takes no messages, because the node is paused", reason=reason)

    @override
    def available(self, most: int) -> int:
        return most if self._order is None else 0

    @override
    def took(self, count: int) -> None:
        """Ignore the number of messages."""

    @override
    def wait_seconds(self) -> float:
        """Return infinity while the node is paused: only an order ends that."""
        return 0.0 if self._order is None else math.inf
