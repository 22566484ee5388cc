"""Follows the pauses of operators while an agent has clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from onex.agent.message.pause import PauseSwitch
from onex.errors import BusError, SchemaMismatchError
from onex.schema.intake_orders import IntakeOrders

log = structlog.get_logger(__name__)
_LOOK_EVERY = 1.0
"""Seconds until an order is noticed, at most."""
_PATIENCE = 2.0


class PauseWatch:
    """Looks for orders about one node, on a thread of its own."""

    def __init__(self, orders: IntakeOrders, node: str, switch: PauseSwitch) -> None:
        self._orders = orders
        self._node = node
        self._switch = switch
        self._problem = ""

    def look(self, *, is_first: bool = False) -> None:
        """Set the switch as the latest order says. When orders cannot be read, it stays as it is.

        Raise BusError if ``is_first``: without an answer, it is unknown whether the node is paused.
        """
        try:
            self._switch.set(self._orders.refresh().get(self._node))
        except (BusError, SchemaMismatchError) as error:
            match error:
                case BusError() if is_first:
                    raise
            if str(error) != self._problem:
                log.warning("cannot read whether the node is paused", reason=str(error))
            self._problem = str(error)
        else:
            self._problem = ""

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look now, and each second until the end of the block. Raise BusError when orders cannot be read."""
        self.look(is_first=True)
        ended = Event()

        def run() -> None:
            while not ended.wait(_LOOK_EVERY):
                try:
                    self.look()
                except Exception:
                    if not ended.is_set():  # the bus is closed under a look that takes too long
                        log.exception("looking for pauses failed, trying again")

        thread = Thread(target=run, name="pauses", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_PATIENCE)
