"""The event bus of a pure node: its events are outputs of the handler."""

from collections.abc import Mapping
from typing import NoReturn

import structlog
from typing_extensions import override

from onex.capability import AddedOutputs
from onex.errors import CompositionError
from onex.mixins.event_bus.engine import check_event
from onex.mixins.event_bus.model_event_bus_subcontract import ModelEventBusSubcontract
from onex.mixins.event_bus.protocol_event_bus import ProtocolEventPublisher
from onex.model.message import Message

log = structlog.get_logger(__name__)


class PureEventBusEngine(ProtocolEventPublisher):
    """Adds events to the outputs of the current call. Nothing waits, and nothing is published twice."""

    def __init__(self, settings: ModelEventBusSubcontract, outputs: AddedOutputs) -> None:
        self._settings = settings
        self._outputs = outputs
        self._emitted = 0

    async def open(self) -> None:
        """Do nothing: the agent publishes outputs."""

    async def close(self) -> None:
        """Do nothing: no event waits here."""

    @override
    def emit(self, event: Message) -> None:
        if not self._settings.event_bus_enabled:
            return
        if self._settings.enable_event_validation:
            check_event(event)
        if self._settings.enable_event_logging:
            log.info("event", type=type(event).__name__)
        self._outputs.add(event)
        self._emitted += 1

    @override
    def publish(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("publish"))

    @override
    def flush(self) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("flush"))

    @override
    def subscribe(self, *_: object, **__: object) -> NoReturn:
        raise CompositionError(_NOT_PURE.format("subscribe"))

    def reported_metrics(self) -> Mapping[str, float]:
        """Events that handlers emitted, also those of a transaction that was undone."""
        return {"emitted": float(self._emitted)}


_NOT_PURE = "event_bus.{} is for EFFECT nodes; use event_bus.emit, whose events are outputs of the handler"
