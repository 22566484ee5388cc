"""Names that capabilities add to a generated class, and the methods that would hide them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from onex.codegen.introspect.model import ModelComposedMixin
from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location
from onex.mixins.circuit_breaker import ModelCircuitBreakerSubcontract
from onex.mixins.health_check import ModelHealthCheckSubcontract, ModelHealthComponent
from onex.model.contract import ModelContract
from onex.model.contract.identifiers import RESERVED_METHODS, identifier_problem
from onex.model.enums import EnumNodeKind

CHECK: Final = "check_"
_CIRCUIT: Final = "_circuit"
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class CircuitAccessor:
    """A property of the generated class: the circuit of one dependency."""

    service: str
    """Name of the dependency in the contract."""
    name: str
    """Name of the property. It may be no identifier: ``check_names`` refuses such a contract."""


def circuits_of(mixins: Sequence[ModelComposedMixin]) -> Sequence[CircuitAccessor]:
    """Return an accessor for each dependency of the circuit breaker that has settings of its own."""
    for mixin in mixins:
        match mixin.config:
            case ModelCircuitBreakerSubcontract(services=services):
                words = [(service.name, _NO_NAME.sub("_", service.name.lower()).strip("_")) for service in services]
                return [CircuitAccessor(service, f"{word}{_CIRCUIT}") for service, word in words]
    return ()


def components_of(mixins: Sequence[ModelComposedMixin]) -> Sequence[ModelHealthComponent]:
    """Return the components of the health check for which a node may have a method."""
    for mixin in mixins:
        match mixin.config:
            case ModelHealthCheckSubcontract(components=components):
                return [component for component in components if component.has_method]
    return ()


def methods_of(contract: ModelContract) -> Sequence[str]:
    """Return the names of the methods that the contract itself asks for."""
    if workflow := contract.workflow_coordination:
        return sorted(workflow.methods)
    if routing := contract.handler_routing:
        return list(dict.fromkeys(item.handler for item in routing.handlers))
    return ["compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"]


def check_names(
    contract: ModelContract, mixins: Sequence[ModelComposedMixin], places: Mapping[str, Location], checker: Checker
) -> None:
    """Report names that two things of the class would have, and dependencies without a name for their circuit.

    ``places`` has the location of the declaration by class name of the capability.
    """
    used = dict.fromkeys(RESERVED_METHODS[contract.node_type], "every node")
    used |= {name: f"the method {name}" for name in methods_of(contract)}
    for name, owner, at in _added(mixins, places):
        if problem := identifier_problem(name):
            checker.add(at, f"the accessor of {owner}: {problem}", "name it with letters and digits")
        elif name in used:
            checker.add(at, f"{owner} adds {name!r} to the class, which {used[name]} has", "rename one of the two")
        used.setdefault(name, owner)


def _added(
    mixins: Sequence[ModelComposedMixin], places: Mapping[str, Location]
) -> Iterator[tuple[str, str, Location]]:
    """Yield name, owner and place. Views of one engine, and its capability, have one accessor."""
    engines: set[str] = set()
    for mixin in mixins:
        engine = mixin.metadata.view_of or mixin.name
        if engine not in engines:
            yield mixin.metadata.accessor, mixin.name, places[mixin.name]
        engines.add(engine)
    for component in components_of(mixins):
        yield f"{CHECK}{component.name}", f"the component {component.name}", places["MixinHealthCheck"]
    for circuit in circuits_of(mixins):
        yield circuit.name, f"the service {circuit.service!r}", places["MixinCircuitBreaker"]
