"""Protocols against an object."""

import inspect
from collections.abc import Iterator, Sequence
from functools import cached_property

from onex.capability.container import ServiceRegistry
from onex.capability.dotted import imported
from onex.errors import CompositionError
from onex.mixins.service_protocol.model_service_protocol_subcontract import ModelServiceProtocolSubcontract


class ServiceProtocolEngine:
    """See :class:`ProtocolServiceInterface`. ``served`` is what implements the protocols."""

    def __init__(self, settings: ModelServiceProtocolSubcontract, served: object, registry: ServiceRegistry) -> None:
        self._settings = settings
        self._served = served
        self._registry = registry

    @cached_property
    def provided(self) -> Sequence[type]:
        """See the protocol."""
        return [_protocol(path) for path in self._settings.provides]

    async def open(self) -> None:
        """Check what is promised, and offer the node under it. Raises CompositionError with all that is missing."""
        broken = [
            f"{protocol.__name__}: {problem}" for protocol in self.provided for problem in self.missing(protocol)
        ]
        if broken:
            raise CompositionError(f"{type(self._served).__name__} does not implement {'; '.join(broken)}")
        for protocol in self.provided:
            self._registry.value(protocol, self._served)

    async def close(self) -> None:
        """Nothing to do."""

    def implements(self, protocol: type) -> bool:
        """See the protocol."""
        return not self.missing(protocol)

    def missing(self, protocol: type) -> Sequence[str]:
        """See the protocol."""
        return list(self._missing(protocol))

    def _missing(self, protocol: type) -> Iterator[str]:
        for name in sorted(_members(protocol)):
            if not hasattr(self._served, name):
                yield f"no {name}"
                continue
            wanted = inspect.getattr_static(protocol, name, None)
            if self._settings.check_parameters and inspect.isfunction(wanted):
                yield from _differences(name, wanted, getattr(self._served, name))


def _protocol(path: str) -> type:
    found = imported(path)
    if not isinstance(found, type) or not getattr(found, "_is_protocol", False):
        raise CompositionError(f"{path} is no protocol")
    return found


def _members(protocol: type) -> set[str]:
    """Methods and attributes of a protocol and of those it is made of."""
    found: set[str] = set()
    for base in protocol.__mro__:
        if getattr(base, "_is_protocol", False):
            found |= {
                name for name in (*vars(base), *getattr(base, "__annotations__", {})) if not name.startswith("_")
            }
    return found


def _differences(name: str, wanted: object, given: object) -> Iterator[str]:
    if not callable(given) or not callable(wanted):
        yield f"{name} cannot be called"
        return
    if inspect.iscoroutinefunction(wanted) and not inspect.iscoroutinefunction(given):
        yield f"{name} is not async"
    takes = inspect.signature(given).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        return
    for parameter in list(inspect.signature(wanted).parameters)[1:]:
        if parameter not in takes:
            yield f"{name} does not take {parameter!r}"
