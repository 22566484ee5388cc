"""Registers services in the node's container, and opens a container for each message."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar, cast

from typing_extensions import override

from onex.capability import Container, Proceed
from onex.capability.container import EnumScope
from onex.capability.dotted import imported
from onex.errors import CompositionError
from onex.mixins.service_registry.model_service_registry_subcontract import (
    ModelServiceEntry,
    ModelServiceRegistrySubcontract,
)
from onex.mixins.service_registry.protocol_service_registry import ProtocolServiceRegistry
from onex.model.context import Context
from onex.model.message import Message

S = TypeVar("S")


class ServiceRegistryEngine(ProtocolServiceRegistry):
    """Services of the node's container and of the current message's container."""

    def __init__(self, settings: ModelServiceRegistrySubcontract, container: Container) -> None:
        self._settings = settings
        self._container = container
        self._of_message: ContextVar[Container | None] = ContextVar("onex_message_services", default=None)
        for entry in settings.services:
            self._enter(entry)

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        """Open a container for the message, and close it when its handler returns."""
        async with self._container.message() as services:
            token = self._of_message.set(services)
            try:
                return await proceed(message, context)
            finally:
                self._of_message.reset(token)

    @override
    def register(
        self,
        service: type[S],
        make: Callable[[], S],
        *,
        scope: EnumScope = EnumScope.APPLICATION,
        close: Callable[[S], Awaitable[None] | None] | None = None,
    ) -> None:
        registry = self._container.registry
        if service in registry and not self._settings.allow_override:
            raise CompositionError(f"{service.__name__} is registered already; set allow_override to replace it")
        registry.register(service, lambda _: make(), scope=scope, close=close)

    @override
    def get(self, service: type[S]) -> S:
        return (self._of_message.get() or self._container).get(service)

    @override
    def has(self, service: type) -> bool:
        return service in self._container.registry

    def _enter(self, entry: ModelServiceEntry) -> None:
        protocol = cast(type[object], imported(entry.protocol))
        factory = cast(Callable[[], object], imported(entry.factory))
        self.register(protocol, factory, scope=entry.scope, close=_close)


def _close(service: object) -> Awaitable[None] | None:
    close = getattr(service, "close", None)
    return None if close is None else cast("Awaitable[None] | None", close())
