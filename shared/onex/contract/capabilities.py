"""Composes the capabilities of a contract into its node class."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from onex.capability import Mixin, Subcontract
from onex.capability.composition import definitions_of
from onex.capability.mixin import Definition
from onex.capability.view import engine_of, merged
from onex.contract.checker import Checker
from onex.contract.resolved import Subcontracts
from onex.contract.yaml_lines import Location, dotted
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.service import with_mixins
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.node import Node

Placed = tuple[Subcontract, Location]
"""A configuration, and its place in the contract."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A place in a contract that asks for a capability."""

    mixin: type[Mixin]
    config: dict[str, JsonValue]
    at: Location


def compose(contract: ModelContract, node_class: type[Node], checker: Checker) -> tuple[type[Node], Subcontracts]:
    """Return the node class with the declared capabilities, and their configuration. Report to the checker."""
    before = len(checker.problems)
    wanted: dict[str, Declared] = {}
    at_name: dict[str, Location] = {}
    subcontracts: dict[type[Subcontract], Subcontract] = {}
    configured: dict[str, Location] = {}
    for declared in declared_capabilities(contract, checker):
        name = declared.mixin.__name__
        wanted.setdefault(name, declared)
        at_name[name] = declared.at
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
    in_bases = node_class.capabilities.names
    for index, switched in enumerate(contract.mixins):
        if not switched.enabled and switched.name in in_bases:
            checker.add(
                ("mixins", index, "enabled"),
                f"{node_class.__name__} has {switched.name} as a base",
                "remove the base, or this line",
            )
    missing = {name: declared for name, declared in wanted.items() if name not in in_bases}
    if _do_not_fit(missing, in_bases, contract.node_type, checker):
        return node_class, subcontracts
    try:
        composed = with_mixins(node_class, [declared.mixin for declared in missing.values()])
    except CompositionError as error:
        checker.add(("mixins",), str(error), "fix the list of mixins")
        return node_class, subcontracts
    if len(checker.problems) == before:
        # A value that the environment decides has no settings yet.
        models = {at: wanted[name].mixin.definition.subcontract for name, at in configured.items()}
        placed = [(subcontracts[model], at) for at, model in models.items() if model in subcontracts]
        _refuse_unfit(placed, contract.node_type, checker)
        _merge_views(composed, subcontracts, at_name, checker)
        if contract.node_type is not EnumNodeKind.EFFECT:
            _refuse_effect_settings(composed, contract.node_type, subcontracts, at_name, checker)
        else:
            undecided = {name for name in configured if wanted[name].mixin.definition.subcontract not in subcontracts}
            _require_effect_settings(composed, subcontracts, undecided, at_name, checker)
        _refuse_misfits(placed, checker)
    return composed, subcontracts


def _merge_views(
    node_class: type[Node],
    subcontracts: dict[type[Subcontract], Subcontract],
    places: Mapping[str, Location],
    checker: Checker,
) -> None:
    """Replace the configuration of each engine that has views by one that has their settings, too."""
    views: dict[str, list[Definition]] = {}
    for definition in node_class.capabilities.views:
        views.setdefault(engine_of(definition).metadata.name, []).append(definition)
    for definitions in views.values():
        engine = engine_of(definitions[0])
        settings = [(each, subcontracts.get(each.subcontract) or each.subcontract()) for each in definitions]
        try:
            whole = merged(engine, subcontracts.get(engine.subcontract), settings, engine.subcontract)
        except CompositionError as error:
            names = [each.metadata.name for each in reversed(definitions)] + [engine.metadata.name]
            at = next((places[name] for name in names if name in places), ("mixins",))
            checker.add(at, str(error), "set each value in one place")
            continue
        if whole.model_fields_set:
            subcontracts[engine.subcontract] = whole


def _refuse_effect_settings(
    node_class: type[Node],
    kind: EnumNodeKind,
    subcontracts: Mapping[type[Subcontract], Subcontract],
    places: Mapping[str, Location],
    checker: Checker,
) -> None:
    """Report fields that are set although they mean nothing for a pure node."""
    found = definitions_of(node_class)
    definitions = {each.metadata.name: each for each in (*map(engine_of, found), *found)}
    for definition in definitions.values():
        metadata, settings = definition.metadata, subcontracts.get(definition.subcontract)
        for name in metadata.effect_settings:
            if settings is not None and name in settings.model_fields_set:
                at = places.get(metadata.name, ("mixins",))
                words = f"{metadata.name} has no {name} on a node of kind {kind}"
                checker.add((*at, name), words, f"remove {name}: it is for EFFECT nodes")


def _refuse_unfit(configurations: Iterable[Placed], kind: EnumNodeKind, checker: Checker) -> None:
    """Report values that this kind of node cannot have, before the settings of views are merged."""
    for settings, at in configurations:
        for unfit in settings.unfit_for(kind):
            checker.add((*at, *unfit.at), unfit.message, unfit.remedy)


def _require_effect_settings(
    node_class: type[Node],
    subcontracts: Mapping[type[Subcontract], Subcontract],
    undecided: Collection[str],
    places: Mapping[str, Location],
    checker: Checker,
) -> None:
    """Report fields that are not set although an EFFECT needs them. ``undecided`` get theirs from the environment."""
    for definition in definitions_of(node_class):
        metadata, settings = definition.metadata, subcontracts.get(definition.subcontract)
        for name in () if metadata.name in undecided else metadata.effect_needs:
            if settings is None or name not in settings.model_fields_set:
                at = places.get(metadata.name, ("mixins",))
                checker.add(at, f"{metadata.name} needs {name} on a node of kind EFFECT", f"set {name}")


def _refuse_misfits(configurations: Iterable[Placed], checker: Checker) -> None:
    """Report what does not fit the node's models. Without models, such as for a contract alone, nothing is known."""
    for settings, at in configurations if checker.models else ():
        for misfit in settings.misfits(checker.models):
            checker.add((*at, *misfit.at), misfit.message, misfit.remedy)


def _do_not_fit(
    wanted: Mapping[str, Declared], in_bases: Iterable[str], kind: EnumNodeKind, checker: Checker
) -> bool:
    """Report the capabilities for other kinds, and those that lack a requirement. Return whether there is any."""
    present = {*wanted, *in_bases, *(declared.mixin.definition.metadata.view_of for declared in wanted.values())}
    before = len(checker.problems)
    for name, declared in wanted.items():
        metadata = declared.mixin.definition.metadata
        at = declared.at[:2]
        if kind not in metadata.kinds:
            words = f"{name} cannot join a node of kind {kind}"
            checker.add(at, words, f"remove it: it is for {', '.join(metadata.kinds)}")
        for required in metadata.requires:
            if required not in present:
                checker.add(at, f"{name} requires {required}, which is missing", f"add {required} to `mixins`")
    return len(checker.problems) > before


def declared_capabilities(contract: ModelContract, checker: Checker) -> Iterator[Declared]:
    """Yield each declaration of a capability, in the order of the contract. Report unknown names to the checker."""
    for index, listed in enumerate(contract.mixins):
        at: Location = ("mixins", index)
        if not listed.enabled or CATALOGUE.feature(listed.name):
            continue
        try:
            yield Declared(CATALOGUE.mixin(listed.name), listed.config, (*at, "config"))
        except CompositionError as error:
            checker.add((*at, "name"), str(error), "fix the name, or register the capability")
    for key, config in contract.subcontracts.items():
        mixin = CATALOGUE.of_key(key)
        if CATALOGUE.feature_of_key(key):
            continue
        if mixin is None:
            checker.add(
                ("subcontracts", key), "no capability has this subcontract", f"there are {', '.join(CATALOGUE.keys)}"
            )
        else:
            yield Declared(mixin, config, ("subcontracts", key))
    for part, name, config in contract.advanced_features.asked() if contract.advanced_features else ():
        yield Declared(CATALOGUE.mixin(name), config, ("advanced_features", part))
