"""Checks an object against Python protocols."""

import inspect
from collections.abc import Iterator, Sequence
from functools import cached_property

from typing_extensions import override

from onex.capability.container import ServiceRegistry
from onex.capability.dotted import imported
from onex.errors import CompositionError
from onex.mixins.service_protocol.model_service_protocol_subcontract import ModelServiceProtocolSubcontract
from onex.mixins.service_protocol.protocol_service_protocol import ProtocolServiceInterface


class ServiceProtocolEngine(ProtocolServiceInterface):
    """Checks the node, ``served``, against the protocols of the contract, and registers it under them."""

    def __init__(self, settings: ModelServiceProtocolSubcontract, served: object, registry: ServiceRegistry) -> None:
        self._settings = settings
        self._served = served
        self._registry = registry

    @cached_property
    @override
    def provided(self) -> Sequence[type]:
        return [_protocol(path) for path in self._settings.provides]

    async def open(self) -> None:
        """Check the protocols and register the node under them. Raise CompositionError with every missing member."""
        broken = [
            f"{protocol.__name__}: {problem}" for protocol in self.provided for problem in self.missing(protocol)
        ]
        if broken:
            raise CompositionError(f"{type(self._served).__name__} does not implement {'; '.join(broken)}")
        for protocol in self.provided:
            self._registry.value(protocol, self._served)

    async def close(self) -> None:
        """Do nothing."""

    @override
    def implements(self, protocol: type) -> bool:
        return not self.missing(protocol)

    @override
    def missing(self, protocol: type) -> Sequence[str]:
        return list(self._missing(protocol))

    def _missing(self, protocol: type) -> Iterator[str]:
        for name in sorted(_members(protocol)):
            if not hasattr(self._served, name):
                yield f"no {name}"
                continue
            expected = inspect.getattr_static(protocol, name, None)
            if self._settings.check_parameters and inspect.isfunction(expected):
                yield from _differences(name, expected, getattr(self._served, name))


def _protocol(path: str) -> type:
    member = imported(path)
    if not isinstance(member, type) or not getattr(member, "_is_protocol", False):
        raise CompositionError(f"{path} is not a protocol")
    return member


def _members(protocol: type) -> set[str]:
    """Return the public methods and attributes of a protocol and its bases."""
    members: set[str] = set()
    for base in protocol.__mro__:
        if getattr(base, "_is_protocol", False):
            members |= {
                name for name in (*vars(base), *getattr(base, "__annotations__", {})) if not name.startswith("_")
            }
    return members


def _differences(name: str, expected: object, actual: object) -> Iterator[str]:
    if not callable(actual) or not callable(expected):
        yield f"{name} cannot be called"
        return
    if inspect.iscoroutinefunction(expected) and not inspect.iscoroutinefunction(actual):
        yield f"{name} is not async"
    parameters = inspect.signature(actual).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for parameter in list(inspect.signature(expected).parameters)[1:]:
        if parameter not in parameters:
            yield f"{name} does not take {parameter!r}"
