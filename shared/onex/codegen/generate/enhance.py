"""Adds to an existing contract the capabilities from which its kind profits.

The rules are few, and each of them needs no configuration:

| a node | gets |
|---|---|
| of any kind | ``MixinHealthCheck``, ``MixinMetrics`` |
| EFFECT | and ``MixinTracing``, whose spans show what a message waited for |
| EFFECT with ``io_operations`` on PostgreSQL or HTTP | and ``MixinCircuitBreaker``, ``MixinTimeout`` |

A capability that the contract already names stays as it is, also one that it switches off.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from pydantic import JsonValue

from onex.codegen.generate.yaml_text import with_list_items
from onex.contract.load import FILE_NAME, parse_contract
from onex.contract.yaml_lines import parse_yaml
from onex.errors import ContractError, ContractProblem
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

_EACH_KIND: Final = ("MixinHealthCheck", "MixinMetrics")
_EFFECT: Final = ("MixinTracing",)
_REMOTE: Final = ("MixinCircuitBreaker", "MixinTimeout")
_REMOTE_TYPES: Final = frozenset({"postgres", "http"})


@dataclass(frozen=True, slots=True)
class Enhanced:
    """A contract with further capabilities."""

    text: str
    """The text of the contract, with its comments."""
    added: tuple[str, ...]
    """Class names of the capabilities that were added."""


def enhanced(text: str, name: str = FILE_NAME) -> Enhanced:
    """Return the contract with the capabilities of its kind. Problems call it ``name``. Raise ContractError."""
    contract = parse_contract(text, name)
    named = _named(contract)
    added = tuple(mixin for mixin in _wanted(contract) if mixin not in named)
    if not added:
        return Enhanced(text, ())
    items: list[dict[str, JsonValue]] = [{"name": mixin} for mixin in added]
    changed = with_list_items(text, "mixins", [f"{{name: {mixin}}}" for mixin in added])
    if changed is None or not _has_only_gained(text, changed, items, name):
        words = "capabilities cannot be added to this form of YAML"
        remedy = f"write `mixins` as a block, or add {', '.join(added)} yourself"
        raise ContractError([ContractProblem(Path(name), 1, "mixins", words, remedy)])
    parse_contract(changed, name)
    return Enhanced(changed, added)


def _named(contract: ModelContract) -> set[str]:
    """Return the class names of all capabilities that the contract mentions."""
    names = {listed.name for listed in contract.mixins} | {*CATALOGUE.mixin_names(contract.asked_capabilities)}
    views = names & {*CATALOGUE.class_names} - {*CATALOGUE.names}
    return names | {CATALOGUE.metadata(name).view_of for name in views}


def _wanted(contract: ModelContract) -> Iterator[str]:
    yield from _EACH_KIND
    if contract.node_type is EnumNodeKind.EFFECT:
        yield from _EFFECT
        if any(operation.type in _REMOTE_TYPES for operation in contract.io_operations):
            yield from _REMOTE


def _has_only_gained(before: str, after: str, items: Sequence[Mapping[str, JsonValue]], name: str) -> bool:
    """Return whether the texts have the same content, but for further items of ``mixins``."""
    old, _ = parse_yaml(before, Path(name))
    try:
        new, _ = parse_yaml(after, Path(name))
    except (ContractError, yaml.YAMLError):
        return False
    match old.get("mixins") or []:
        case list() as listed:
            return new == {**old, "mixins": [*listed, *map(dict, items)]}
        case _:
            return False
