"""From the capabilities of a contract to the parts of the class that they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from onex.codegen.inject.imports import Import
from onex.codegen.introspect.added_names import CHECK, CircuitAccessor, circuits_of, components_of
from onex.codegen.introspect.model import ModelComposedMixin, ModelEnhancedContract

_CHECKS: Final[Mapping[str, Sequence[tuple[str, Sequence[str]]]]] = {
    "database": [("MixinDatabase", ("await self.database.ping()", "return True"))],
    "kafka": [
        ("MixinKafkaHealthCheck", ("return (await self.kafka_health.look()).ok",)),
        ("MixinKafkaConfiguration", ("return (await self.kafka.health()).ok",)),
    ],
}
"""By component: the capability that can check it, and the statements that do."""
_CIRCUITS: Final = "onex.mixins.circuit_breaker"


@dataclass(frozen=True, slots=True)
class Check:
    """The method that checks a component: ``async def check_<component>(self) -> bool``."""

    component: str
    statements: Sequence[str]
    is_unfinished: bool
    """Whether no composed capability can check the component. The method then raises NotImplementedNodeError."""

    @property
    def name(self) -> str:
        """Name of the method."""
        return f"{CHECK}{self.component}"


@dataclass(frozen=True, slots=True)
class Injection:
    """What capabilities add to a class. Their configuration stays in ``contract.yaml``."""

    bases: Sequence[str] = ()
    """Class names of mixins, in front of the base of the kind."""
    imports: frozenset[Import] = frozenset()
    accessors: Mapping[str, str] = field(default_factory=dict)
    """Class name of the mixin by the attribute that it adds. The attribute has the type that this base declares."""
    checks: Sequence[Check] = ()
    """Methods for the components of the health check."""
    circuits: Sequence[CircuitAccessor] = ()
    """Properties for the circuits of single dependencies."""


class MixinInjector:
    """Decides what a generated class needs for the capabilities of its contract."""

    def inject(self, enhanced: ModelEnhancedContract) -> Injection:
        """Return the parts of the class."""
        mixins = enhanced.mixins
        checks = [_check(component.name, mixins) for component in components_of(mixins)]
        circuits = circuits_of(mixins)
        imports: set[Import] = {(mixin.module, mixin.name) for mixin in mixins}
        if circuits:
            imports.add((_CIRCUITS, "ProtocolCircuit"))
        if any(check.is_unfinished for check in checks):
            imports |= {("onex.node", "NotImplementedNodeError"), ("onex.node", "unfinished")}
        return Injection(
            tuple(mixin.name for mixin in mixins),
            frozenset(imports),
            {mixin.metadata.accessor: mixin.name for mixin in mixins},
            tuple(checks),
            tuple(circuits),
        )


def _check(component: str, mixins: Sequence[ModelComposedMixin]) -> Check:
    composed = {mixin.name for mixin in mixins}
    for name, statements in _CHECKS.get(component, ()):
        if name in composed:
            return Check(component, statements, is_unfinished=False)
    words = f"{CHECK}{component}: the contract does not state how to check {component}. Write the check."
    return Check(component, (f'raise NotImplementedNodeError("{words}")',), is_unfinished=True)
