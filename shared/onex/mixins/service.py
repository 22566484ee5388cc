"""Adding capabilities to a node class at run time."""

from collections.abc import Iterable, Sequence
from types import new_class
from typing import TypeVar, cast

from onex.capability import Mixin
from onex.capability.resolver import closure
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE, MixinCatalogue
from onex.model.contract import ModelContract
from onex.node import Node

N = TypeVar("N", bound=Node)
_GROUPS = {
    "event_communication": ("MixinEventBus",),
    "health_monitoring": ("MixinHealthCheck",),
    "performance_metrics": ("MixinMetrics",),
    "fault_tolerance": ("MixinRetry", "MixinCircuitBreaker"),
}
"""Group names for several capabilities, or for one under another name."""


def with_mixins(node_class: type[N], mixins: Sequence[type[Mixin]]) -> type[N]:
    """Return a subclass of the node with the mixins as further bases. Raise CompositionError when they do not fit."""
    if not mixins:
        return node_class
    name, bases = node_class.__name__, (*mixins, node_class)
    return cast(type[N], new_class(name, bases, {}, lambda body: body.update(_place_of(node_class))))


def _place_of(node_class: type) -> dict[str, object]:
    return {name: getattr(node_class, name) for name in ("__module__", "__qualname__", "__doc__")}


def create_service_with_capabilities(
    base_service_class: type[N],
    contract: ModelContract | None,
    required_capabilities: Iterable[str],
    catalogue: MixinCatalogue = CATALOGUE,
) -> type[N]:
    """Return a class with these capabilities, those that the contract lists, and all that they require.

    Names are keys (``retry``), class names (``MixinRetry``) or groups (``fault_tolerance``). Raise CompositionError
    for an unknown name, and for a capability that does not fit.
    """
    declared = catalogue.mixin_names(contract.asked_capabilities) if contract else ()
    requested = [*required_capabilities, *declared]
    names = [name for request in requested for name in _names_of(request, catalogue)]
    present = base_service_class.capabilities.names
    resolved = MixinDependencyResolver(catalogue).resolve_dependencies([catalogue.mixin(name) for name in names])
    return with_mixins(base_service_class, [mixin for mixin in resolved if mixin.__name__ not in present])


class MixinDependencyResolver:
    """Adds required capabilities and orders the result."""

    def __init__(self, catalogue: MixinCatalogue = CATALOGUE) -> None:
        self._catalogue = catalogue

    def resolve_dependencies(self, requested_mixins: Sequence[type[Mixin]]) -> list[type[Mixin]]:
        """Return the mixins and all that they require, requirements first.

        Raise CompositionError for circular requirements and conflicts.
        """
        names = closure([mixin.__name__ for mixin in requested_mixins], self._catalogue.metadata)
        return [self._catalogue.mixin(name) for name in names]


def _names_of(request: str, catalogue: MixinCatalogue) -> Sequence[str]:
    if request in _GROUPS:
        return _GROUPS[request]
    if request in catalogue.class_names:
        return [request]
    mixin = catalogue.of_key(request)
    if mixin is None and request.startswith("Mixin"):
        catalogue.mixin(request)  # raises the reason
    if mixin is None:
        valid = sorted([*_GROUPS, *catalogue.keys])
        raise CompositionError(f"no capability {request!r}; there are {', '.join(valid)}")
    return [mixin.__name__]
