"""The components that a contract names, as health checks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from onex.capability import HealthCheck
from onex.capability.health import EnumCheckKind, Probe
from onex.errors import CompositionError
from onex.mixins.health_check.model_health_check_subcontract import ModelHealthComponent

PREFIX: Final = "check_"
"""A node's method for a component has this name and that of the component."""


def probes_of(node: object, components: Sequence[ModelHealthComponent]) -> Mapping[str, Probe]:
    """Return the node's own methods for these components, by name of the component."""
    found = {component.name: getattr(node, f"{PREFIX}{component.name}", None) for component in components}
    return {name: probe for name, probe in found.items() if probe is not None}


def with_components(
    added: Mapping[str, HealthCheck],
    components: Sequence[ModelHealthComponent],
    probes: Mapping[str, Probe],
    *,
    missing_fail: bool,
) -> Mapping[str, HealthCheck]:
    """Return the checks of a node: those that were added, and those of its components.

    The method of the node takes precedence over an added check of the same name. A component without either has a
    check that fails, unless ``missing_fail`` is False.
    """
    checks = dict(added)
    for component in components:
        name = component.name
        check = added.get(name) or HealthCheck(name, _missing(component), EnumCheckKind.COMPONENT)
        if name in added or name in probes or missing_fail:
            checks[name] = replace(
                check, probe=probes.get(name, check.probe), critical=_is_critical(component, check)
            )
    return checks


def _is_critical(component: ModelHealthComponent, check: HealthCheck) -> bool:
    return component.critical if "critical" in component.model_fields_set else check.critical


def _missing(component: ModelHealthComponent) -> Probe:
    method = f"write `async def {PREFIX}{component.name}(self) -> bool`, or "
    remedy = f"{method if component.has_method else 'add the capability that has it, or '}register one"

    async def no_check() -> None:
        raise CompositionError(f"no check of {component.name}: {remedy}")

    return no_check
