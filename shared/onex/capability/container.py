"""Services for engines, by protocol, in two scopes: the application and one message."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from inspect import isawaitable
from typing import Generic, Self, TypeVar, cast

from onex.errors import CompositionError

S = TypeVar("S")


class EnumScope(StrEnum):
    """How long a service lives."""

    APPLICATION = "application"
    """Until the agent stops."""
    MESSAGE = "message"
    """Until the handler of the message returns."""


@dataclass(frozen=True, slots=True)
class Registration(Generic[S]):
    """How to create a service and how to close it."""

    make: "Callable[[Container], S]"
    scope: EnumScope = EnumScope.APPLICATION
    close: Callable[[S], Awaitable[None] | None] | None = None
    closes_last: bool = False
    """Close it after the other services: they may use it until they are closed."""


class ServiceRegistry:
    """The registered services, by protocol or class. Filled once at start."""

    def __init__(self) -> None:
        self._registrations: dict[type, Registration[object]] = {}

    def register(
        self,
        service: type[S],
        make: "Callable[[Container], S]",
        *,
        scope: EnumScope = EnumScope.APPLICATION,
        close: Callable[[S], Awaitable[None] | None] | None = None,
        closes_last: bool = False,
    ) -> Self:
        """Register a service by its factory. A later registration replaces an earlier one, as tests do."""
        self._registrations[service] = cast(Registration[object], Registration(make, scope, close, closes_last))
        return self

    def value(self, service: type[S], value: S) -> Self:
        """Register an object that exists already. The container does not close it."""
        return self.register(service, lambda _: value)

    def registration(self, service: type[S]) -> Registration[S] | None:
        """Return the registration of a service, or None."""
        return cast(Registration[S] | None, self._registrations.get(service))

    def __contains__(self, service: type) -> bool:
        return service in self._registrations


class Container:
    """Services of one scope. Creates each at its first use and closes them in reverse order."""

    def __init__(self, registry: ServiceRegistry | None = None, parent: "Container | None" = None) -> None:
        self.registry = registry if registry is not None else ServiceRegistry()
        self._parent = parent
        self._services: dict[type, object] = {}
        self._making: list[type] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def message(self) -> "Container":
        """Return a container for one message. It takes services of the application from this container."""
        return Container(self.registry, self)

    def get(self, service: type[S]) -> S:
        """Return the one service of this type in its scope. Raise CompositionError when none is registered."""
        if service in self._services:
            return cast(S, self._services[service])
        registration = self.registry.registration(service)
        if registration is None:
            raise CompositionError(f"no {service.__name__} is registered; register one before the node starts")
        if registration.scope is EnumScope.APPLICATION and self._parent is not None:
            return self._parent.get(service)
        if registration.scope is EnumScope.MESSAGE and self._parent is None:
            raise CompositionError(f"{service.__name__} lives for one message; get it from the message's container")
        return self._make(service, registration)

    def find(self, service: type[S]) -> S | None:
        """Return the service as ``get`` does, or None when none is registered."""
        return self.get(service) if service in self.registry else None

    def _make(self, service: type[S], registration: Registration[S]) -> S:
        if service in self._making:
            chain = " needs ".join(pending.__name__ for pending in [*self._making, service])
            raise CompositionError(f"circular dependency: {chain}")
        self._making.append(service)
        try:
            instance = registration.make(self)
        finally:
            self._making.pop()
        self._services[service] = instance
        if registration.close is not None:
            close = registration.close

            async def closing() -> None:
                pending = close(instance)
                if isawaitable(pending):
                    await pending

            self._closers.insert(0 if registration.closes_last else len(self._closers), closing)
        return instance

    async def close(self) -> None:
        """Close the services that this container created, the latest first, even if some fail. Safe to call twice."""
        closers, self._closers = self._closers, []
        self._services.clear()
        async with AsyncExitStack() as stack:
            for closing in closers:
                stack.push_async_callback(closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
