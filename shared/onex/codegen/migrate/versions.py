"""The versions of the contract's schema, and how a contract of the version before becomes one of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from onex.codegen.found.durations import text_of_seconds
from onex.codegen.found.feature_names import MIXINS
from onex.codegen.found.identity import kind_in
from onex.codegen.migrate.text import ContractText

Change = tuple[str, str]
"""Field before, and what became of it."""

_RENAMED: Final = {
    "version": "contract_version",
    "type": "node_type",
    "kind": "node_type",
    "fsm": "state_machine",
    "workflow": "workflow_coordination",
}
_RETRY_RENAMED: Final = {"exponential_base": "multiplier", "backoff_multiplier": "multiplier"}
_RETRY_DELAYS: Final = {
    "initial_delay_ms": "base_delay",
    "base_delay_ms": "base_delay",
    "max_delay_ms": "max_delay",
}
_CIRCUIT_RENAMED: Final = {"reset_timeout_ms": "recovery_timeout_ms", "half_open_max_requests": "half_open_max_calls"}
_RETRY, _CIRCUIT = ("error_handling", "retry_policy"), ("advanced_features", "circuit_breaker")


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """A version of the schema."""

    number: int
    summary: str
    migrate: Callable[[ContractText], Iterator[Change]]
    """Changes a contract of the version before, and yields each change."""


def _spellings(text: ContractText) -> Iterator[Change]:
    """Yield the changes from the spellings before versions were counted."""
    for old, new in _RENAMED.items():
        if text.rename(new, old):
            yield old, f"is {new}"
    yield from _kind(text)
    yield from _version(text)
    if text.move(("error_handling", "circuit_breaker"), _CIRCUIT):
        yield "error_handling.circuit_breaker", "is advanced_features.circuit_breaker"
    if text.move(("retry",), _RETRY):
        yield "retry", "is error_handling.retry_policy"
    for old, new in _CIRCUIT_RENAMED.items():
        if text.rename(new, *_CIRCUIT, old):
            yield ".".join((*_CIRCUIT, old)), f"is {new}"
    yield from _retries(text)
    yield from _mixins(text)


def _kind(text: ContractText) -> Iterator[Change]:
    written = text.scalar("node_type")
    kind = kind_in(written)
    if kind is not None and written not in (kind, kind.lower()):
        yield "node_type", f"{written} is {kind}"
        text.set_value(kind.value, "node_type")


def _version(text: ContractText) -> Iterator[Change]:
    written = text.scalar("contract_version")
    parts = written.removeprefix("v").split(".")
    if 1 <= len(parts) <= 3 and all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        major, minor, patch = (*map(int, parts), 0, 0)[:3]
        yield "contract_version", f"{written} is a map"
        text.set_value(f"{{major: {max(1, major)}, minor: {minor}, patch: {patch}}}", "contract_version")


def _retries(text: ContractText) -> Iterator[Change]:
    counted = text.scalar(*_RETRY, "max_retries")
    if (
        counted.isascii()
        and counted.isdigit()
        and len(counted) < 7
        and text.rename("max_attempts", *_RETRY, "max_retries")
    ):
        text.set_value(str(int(counted) + 1), *_RETRY, "max_attempts")
        yield ".".join((*_RETRY, "max_retries")), "is max_attempts, which counts the first attempt"
    for old, new in _RETRY_DELAYS.items():
        delay = text.scalar(*_RETRY, old)
        if _is_number(delay) and text.rename(new, *_RETRY, old):
            text.set_value(text_of_seconds(float(delay) / 1000), *_RETRY, new)
            yield ".".join((*_RETRY, old)), f"is {new}, with its unit in the value"
    for old, new in _RETRY_RENAMED.items():
        if text.rename(new, *_RETRY, old):
            yield ".".join((*_RETRY, old)), f"is {new}"


def _mixins(text: ContractText) -> Iterator[Change]:
    renamed: list[tuple[yaml.Node, str]] = []
    for index, item in enumerate(text.items("mixins")):
        for key, value in item.value if isinstance(item, yaml.MappingNode) else ():
            if key.value == "name" and isinstance(value, yaml.ScalarNode) and value.value in MIXINS:
                renamed.append((value, MIXINS[value.value]))
                yield f"mixins[{index}].name", f"{value.value} is {MIXINS[value.value]}"
    if renamed:
        text.set_scalars(renamed)


def _is_number(text: str) -> bool:
    digits = text.replace(".", "", 1)
    return len(text) < 12 and digits.isascii() and digits.isdigit() and float(text) > 0


VERSIONS: Final = (
    SchemaVersion(1, "the spellings of one schema: keys, kinds, versions, retries, circuits, mixins", _spellings),
)
"""Every version, in order. The last one is that of :data:`onex.model.contract.contract.SCHEMA_VERSION`.

A contract without ``schema_version`` may be of any version before the first one: its spellings decide.
"""
