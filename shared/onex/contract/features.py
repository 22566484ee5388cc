"""The features of the agent that a contract names, and their configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from onex.capability import Subcontract
from onex.capability.feature import Feature, Features
from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location, dotted
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract


@dataclass(frozen=True, slots=True)
class NamedFeature:
    """A place in a contract that names a feature."""

    feature: Feature
    config: Mapping[str, JsonValue]
    at: Location
    """Place of the name."""
    under: Location
    """Place of the configuration."""


def named_features(contract: ModelContract) -> Iterator[NamedFeature]:
    """Yield each place that names a feature and does not switch it off, in the order of the contract."""
    for index, listed in enumerate(contract.mixins):
        feature = CATALOGUE.feature(listed.name)
        if feature is not None and listed.enabled:
            at: Location = ("mixins", index)
            yield NamedFeature(feature, listed.config, at, (*at, "config"))
    for key, config in contract.subcontracts.items():
        feature = CATALOGUE.feature_of_key(key)
        if feature is not None:
            yield NamedFeature(feature, config, ("subcontracts", key), ("subcontracts", key))


def features_of(contract: ModelContract, checker: Checker) -> Features:
    """Return the features of a contract. Report to the checker what the node cannot have."""
    _refuse_switched_off(contract, checker)
    configured: dict[type[Subcontract], Subcontract] = {}
    places: dict[str, Location] = {}
    names: set[str] = set()
    for named in named_features(contract):
        feature = named.feature
        names.add(feature.name)
        if contract.node_type not in feature.kinds:
            words = f"a node of kind {contract.node_type} has no {feature.name}"
            checker.add(named.at, words, f"remove it: it is for {', '.join(feature.kinds)}")
            continue
        if not named.config:
            _check_without_config(named, contract, checker)
            continue
        if feature.subcontract is None:
            checker.add(named.under, f"{feature.name} is always on and has nothing to configure", "remove these keys")
            continue
        if feature.name in places:
            words = f"{feature.name} is already configured by {dotted(places[feature.name])}"
            checker.add(named.under, words, "keep one")
            continue
        places[feature.name] = named.under
        try:
            config = feature.subcontract.model_validate(named.config)
        except ValidationError as error:
            checker.refuse(error, feature.subcontract, named.under)
            continue
        configured[feature.subcontract] = config
        for refused in feature.check(config, contract):
            at = (*named.under, refused.field) if refused.field else named.at
            checker.add(at, refused.message, refused.remedy)
    return Features(frozenset(names), configured)


def _check_without_config(named: NamedFeature, contract: ModelContract, checker: Checker) -> None:
    """Report when the node cannot have the feature at all."""
    feature = named.feature
    if feature.subcontract is not None:
        for refused in feature.check(feature.subcontract(), contract):
            if not refused.field:
                checker.add(named.at, refused.message, refused.remedy)


def _refuse_switched_off(contract: ModelContract, checker: Checker) -> None:
    for index, listed in enumerate(contract.mixins):
        feature = CATALOGUE.feature(listed.name)
        if feature is not None and not listed.enabled and feature.always_on:
            words = f"{feature.name} is a part of every agent, and cannot be switched off"
            checker.add(("mixins", index, "enabled"), words, "remove the entry")
