"""Composes the capabilities of a contract into its node class."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from onex.capability import Mixin, Subcontract
from onex.contract.checker import Checker
from onex.contract.resolved import Subcontracts
from onex.contract.yaml_lines import Location, dotted
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import with_mixins
from onex.model.contract import ModelContract
from onex.node import Node


@dataclass(frozen=True, slots=True)
class _Declared:
    mixin: type[Mixin]
    config: dict[str, JsonValue]
    at: Location


def compose(contract: ModelContract, node_class: type[Node], checker: Checker) -> tuple[type[Node], Subcontracts]:
    """Return the node class with the declared capabilities, and their configuration. Report to the checker."""
    wanted: dict[str, type[Mixin]] = {}
    subcontracts: dict[type[Subcontract], Subcontract] = {}
    configured: dict[str, Location] = {}
    for declared in _declared(contract, checker):
        name = declared.mixin.__name__
        wanted[name] = declared.mixin
        if not declared.config:
            continue
        if name in configured:
            checker.add(declared.at, f"{name} is already configured by {dotted(configured[name])}", "keep one")
            continue
        configured[name] = declared.at
        model = declared.mixin.definition.subcontract
        try:
            subcontracts[model] = model.model_validate(declared.config)
        except ValidationError as error:
            checker.refuse(error, model, declared.at)
    in_bases = {metadata.name for metadata in node_class.capabilities.start}
    for index, switched in enumerate(contract.mixins):
        if not switched.enabled and switched.name in in_bases:
            checker.add(
                ("mixins", index, "enabled"),
                f"{node_class.__name__} has {switched.name} as a base",
                "remove the base, or this line",
            )
    missing = [mixin for name, mixin in wanted.items() if name not in in_bases]
    try:
        return with_mixins(node_class, missing), subcontracts
    except CompositionError as error:
        checker.add(("mixins",), str(error), "fix the list of mixins")
        return node_class, subcontracts


def _declared(contract: ModelContract, checker: Checker) -> Iterator[_Declared]:
    for index, listed in enumerate(contract.mixins):
        at: Location = ("mixins", index)
        if not listed.enabled:
            continue
        try:
            yield _Declared(CATALOGUE.mixin(listed.name), listed.config, (*at, "config"))
        except CompositionError as error:
            checker.add((*at, "name"), str(error), "fix the name, or register the capability")
    for key, config in contract.subcontracts.items():
        mixin = CATALOGUE.of_key(key)
        if mixin is None:
            keys = ", ".join(mixin.definition.metadata.key for mixin in CATALOGUE.all())
            checker.add(("subcontracts", key), "no capability has this subcontract", f"there are {keys}")
        else:
            yield _Declared(mixin, config, ("subcontracts", key))
    for part, name, config in contract.advanced_features.asked() if contract.advanced_features else ():
        yield _Declared(CATALOGUE.mixin(name), config, ("advanced_features", part))
