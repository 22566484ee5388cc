"""Where engines find their collaborators, by protocol. Two scopes: the application and one message."""

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
    """As long as the agent."""
    MESSAGE = "message"
    """While one message is handled."""


@dataclass(frozen=True, slots=True)
class Registration(Generic[S]):
    """How a service is made, and what is done with it in the end."""

    make: "Callable[[Container], S]"
    scope: EnumScope = EnumScope.APPLICATION
    close: Callable[[S], Awaitable[None] | None] | None = None


class ServiceRegistry:
    """What can be had, by protocol or class. Filled once at start."""

    def __init__(self) -> None:
        self._registrations: dict[type, Registration[object]] = {}

    def register(
        self,
        service: type[S],
        make: "Callable[[Container], S]",
        *,
        scope: EnumScope = EnumScope.APPLICATION,
        close: Callable[[S], Awaitable[None] | None] | None = None,
    ) -> Self:
        """A service and how it is made; the last word counts, so that a test can replace what the agent gives."""
        self._registrations[service] = cast(Registration[object], Registration(make, scope, close))
        return self

    def value(self, service: type[S], value: S) -> Self:
        """A service that is there already; nobody closes it."""
        return self.register(service, lambda _: value)

    def registration(self, service: type[S]) -> Registration[S] | None:
        """How a service is made; None where nobody registered it."""
        return cast(Registration[S] | None, self._registrations.get(service))

    def __contains__(self, service: type) -> bool:
        return service in self._registrations


class Container:
    """Services of one scope, made when they are first asked for and closed in reverse order."""

    def __init__(self, registry: ServiceRegistry | None = None, parent: "Container | None" = None) -> None:
        self.registry = registry if registry is not None else ServiceRegistry()
        self._parent = parent
        self._services: dict[type, object] = {}
        self._making: list[type] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def message(self) -> "Container":
        """A container for one message; what is of the application comes from this one."""
        return Container(self.registry, self)

    def get(self, service: type[S]) -> S:
        """The one service of this type in its scope. Raises CompositionError for one that nobody registered."""
        if service in self._services:
            return cast(S, self._services[service])
        registration = self.registry.registration(service)
        if registration is None:
            raise CompositionError(f"no {service.__name__} is registered; register one before the node starts")
        if registration.scope is EnumScope.APPLICATION and self._parent is not None:
            return self._parent.get(service)
        if registration.scope is EnumScope.MESSAGE and self._parent is None:
            raise CompositionError(f"{service.__name__} lives for one message; ask the container of a message")
        return self._make(service, registration)

    def find(self, service: type[S]) -> S | None:
        """As ``get``; None for one that nobody registered."""
        return self.get(service) if service in self.registry else None

    def _make(self, service: type[S], registration: Registration[S]) -> S:
        if service in self._making:
            chain = " needs ".join(found.__name__ for found in [*self._making, service])
            raise CompositionError(f"a circle: {chain}")
        self._making.append(service)
        try:
            made = registration.make(self)
        finally:
            self._making.pop()
        self._services[service] = made
        if registration.close is not None:
            close = registration.close

            async def closing() -> None:
                ended = close(made)
                if isawaitable(ended):
                    await ended

            self._closers.append(closing)
        return made

    async def close(self) -> None:
        """End what was made here, the last one first; every one is tried. Safe to call twice."""
        closers, self._closers = self._closers, []
        self._services.clear()
        async with AsyncExitStack() as stack:
            for closing in closers:
                stack.push_async_callback(closing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
