"""YAML files of a package: contract.yaml and cases.yaml."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import yaml

from onex.contract.bounded_yaml import LARGEST, MOST_VALUES
from onex.contract.load import parse_contract
from onex.contract.yaml_lines import parse_yaml
from onex.errors import ContractError
from onex.model.contract import ModelContract

Problem = tuple[int, str, str]
"""Line, message and remedy."""
_DEEPEST: Final = 40
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FIX = "fix the YAML"


def yaml_problems(text: str, path: str) -> Iterator[Problem]:
    """Yield why a file is no YAML within the limits of contracts, or no contract or list of cases by its outline."""
    if PurePosixPath(path).name == "contract.yaml":
        try:
            parse_yaml(text, Path(path))
        except ContractError as error:
            yield from ((p.line, f"{p.field}: {p.message}", p.remedy) for p in error.problems)
    elif len(text) > LARGEST:
        yield 1, f"is longer than {LARGEST} characters", "split it"
    else:
        yield from _event_problems(text, is_cases=PurePosixPath(path).name == "cases.yaml")


def contract_of(text: str) -> ModelContract | None:
    """Return the contract in a text, or None when it has problems."""
    try:
        return parse_contract(text) if text else None
    except ContractError:
        return None


def _event_problems(text: str, *, is_cases: bool) -> Iterator[Problem]:
    """Yield the first problem of a file whose content is read elsewhere.

    Events are read, and no document is built: aliases and merges of a stranger's file would multiply in it.
    """
    depth = values = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if getattr(event, "tag", None) not in (None, "!"):
                yield line, "tags are refused", "remove the tag"
                return
            values += isinstance(event, yaml.NodeEvent)
            if values > MOST_VALUES:
                yield line, f"has more than {MOST_VALUES} values", "split it"
                return
            if is_cases and isinstance(event, yaml.NodeEvent) and not _fits_cases(event, depth):
                yield line, "is no list of cases", "write `- {name: ..., when: {...}, then: {...}}`"
                return
            match event:
                case yaml.CollectionStartEvent():
                    depth += 1
                case yaml.CollectionEndEvent():
                    depth -= 1
            if depth > _DEEPEST:
                yield line, f"has more than {_DEEPEST} levels", "split it"
                return
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield mark.line + 1 if mark else 1, error.problem or error.context or "is no YAML", _FIX
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        yield 1, str(error).partition("\n")[0], _FIX


def _fits_cases(event: yaml.NodeEvent, depth: int) -> bool:
    match depth, event:
        case 0, yaml.SequenceStartEvent():
            return True
        case 0, _:
            return False
        case 1, yaml.MappingStartEvent() | yaml.AliasEvent():
            return True
        case 1, _:
            return False
        case _:
            return True
