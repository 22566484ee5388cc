"""Views that set fields of ``delivery``, because the agent itself does their work."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import ValidationError

from onex.capability import Subcontract
from onex.capability.composition import definitions_of
from onex.capability.view import with_set
from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location, dotted
from onex.model.contract import ModelContract, ModelDelivery
from onex.node import Node


class _Set(NamedTuple):
    """A field of ``delivery`` that a view sets."""

    name: str
    value: object
    view: str
    at: Location
    """The field of the view."""


def with_view_delivery(
    contract: ModelContract,
    node_class: type[Node],
    subcontracts: Mapping[type[Subcontract], Subcontract],
    checker: Checker,
) -> ModelContract:
    """Return the contract with the fields of ``delivery`` that the node's views set.

    Report fields with two values, and those that this kind of node cannot have, to the checker.
    """
    own = {name: getattr(contract.delivery, name) for name in contract.delivery.model_fields_set}
    for found in _set_by_views(contract, node_class, subcontracts):
        name = found.name
        if name in own:
            if own[name] != found.value:
                words = f"{dotted(found.at)} and delivery.{name} set different values; keep one of the two"
                checker.add(found.at, words, "set each value in one place")
            continue
        try:
            delivery = ModelDelivery.model_validate({**own, name: found.value})
            ModelContract.model_validate({**dict(contract), "delivery": delivery})
        except ValidationError as error:
            reasons = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
            checker.add(found.at, reasons, f"remove it, or {found.view}")
            continue
        own[name] = found.value
        contract = contract.model_copy(update={"delivery": delivery})
    return contract


def _set_by_views(
    contract: ModelContract, node_class: type[Node], subcontracts: Mapping[type[Subcontract], Subcontract]
) -> Iterator[_Set]:
    for definition in definitions_of(node_class):
        view, settings, name = definition.view, subcontracts.get(definition.subcontract), definition.metadata.name
        if view is None or view.delivery is None or settings is None:
            continue
        under = _place(contract, name, definition.metadata.key)
        for field in sorted(settings.model_fields_set):
            for ours, value in view.delivery(with_set(settings, frozenset({field}))).items():
                yield _Set(ours, value, name, (*under, field))


def _place(contract: ModelContract, name: str, key: str) -> Location:
    """Return where a contract configures a view."""
    listed = [index for index, each in enumerate(contract.mixins) if each.name == name and each.config]
    return ("mixins", listed[0], "config") if listed else ("subcontracts", key)
