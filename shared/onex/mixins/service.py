"""Composition while a program runs. Source: seed 001, conditional mixin application and dependency resolution."""

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
"""Names that stand for several capabilities, or for one with another key."""


def with_mixins(node_class: type[N], mixins: Sequence[type[Mixin]]) -> type[N]:
    """The same node with more capabilities: as if they had been written as its bases. Raises CompositionError."""
    if not mixins:
        return node_class
    made = new_class(node_class.__name__, (*mixins, node_class), {}, lambda body: body.update(_place_of(node_class)))
    return cast(type[N], made)


def _place_of(node_class: type) -> dict[str, object]:
    return {name: getattr(node_class, name) for name in ("__module__", "__qualname__", "__doc__")}


def create_service_with_capabilities(
    base_service_class: type[N],
    contract: ModelContract | None,
    required_capabilities: Iterable[str],
    catalogue: MixinCatalogue = CATALOGUE,
) -> type[N]:
    """A class with these capabilities, those that the contract asks for, and all that they require.

    Names are keys (``retry``), class names (``MixinRetry``) or groups (``fault_tolerance``). Raises CompositionError
    for one that nobody knows, or that does not fit.
    """
    asked_for = [*required_capabilities, *(contract.asked_capabilities if contract else ())]
    wanted = [name for asked in asked_for for name in _names_of(asked, catalogue)]
    there = {metadata.name for metadata in base_service_class.capabilities.start}
    resolved = MixinDependencyResolver(catalogue).resolve_dependencies([catalogue.mixin(name) for name in wanted])
    return with_mixins(base_service_class, [mixin for mixin in resolved if mixin.__name__ not in there])


class MixinDependencyResolver:
    """Completes and orders capabilities."""

    def __init__(self, catalogue: MixinCatalogue = CATALOGUE) -> None:
        self._catalogue = catalogue

    def resolve_dependencies(self, requested_mixins: Sequence[type[Mixin]]) -> list[type[Mixin]]:
        """These and all that they require, requirements first. Raises CompositionError for circles and conflicts."""
        names = closure([mixin.__name__ for mixin in requested_mixins], self._catalogue.metadata)
        return [self._catalogue.mixin(name) for name in names]


def _names_of(asked: str, catalogue: MixinCatalogue) -> Sequence[str]:
    if asked in _GROUPS:
        return _GROUPS[asked]
    if asked in catalogue.names:
        return [asked]
    found = catalogue.of_key(asked)
    if found is None:
        known = sorted([*_GROUPS, *(mixin.definition.metadata.key for mixin in catalogue.all())])
        raise CompositionError(f"no capability {asked!r}; there are {', '.join(known)}")
    return [found.__name__]
