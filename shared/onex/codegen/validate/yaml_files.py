"""YAML files of a package: contract.yaml and cases.yaml."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import yaml

from onex.contract.bounded_yaml import LARGEST, BoundedLoader
from onex.contract.load import parse_contract
from onex.contract.yaml_lines import parse_yaml
from onex.errors import ContractError
from onex.model.contract import ModelContract

Problem = tuple[int, str, str]
"""Line, message and remedy."""


def yaml_problems(text: str, path: str) -> Iterator[Problem]:
    """Yield why a file is no YAML within the limits of contracts, or no contract or list of cases by its outline."""
    match PurePosixPath(path).name:
        case "cases.yaml":
            yield from _case_problems(text)
        case "contract.yaml":
            try:
                parse_yaml(text, Path(path))
            except ContractError as error:
                yield from ((p.line, f"{p.field}: {p.message}", p.remedy) for p in error.problems)
        case _:
            yield from (problem for problem in [_loaded(text)] if isinstance(problem, tuple))


def contract_of(text: str) -> ModelContract | None:
    """Return the contract in a text, or None when it has problems."""
    try:
        return parse_contract(text) if text else None
    except ContractError:
        return None


def _case_problems(text: str) -> Iterator[Problem]:
    match _loaded(text):
        case (int(line), str(message), str(remedy)):
            yield line, message, remedy
        case list(cases) if all(isinstance(case, dict) for case in cases):
            return
        case _:
            yield 1, "is no list of cases", "write `- {name: ..., when: {...}, then: {...}}`"


def _loaded(text: str) -> object:
    """Return the document, or a Problem."""
    if len(text) > LARGEST:
        return 1, f"is longer than {LARGEST} characters", "split it"
    loader: BoundedLoader | None = None
    try:
        loader = BoundedLoader(text)
        root = loader.get_single_node()
        return [] if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return mark.line + 1 if mark else 1, error.problem or error.context or "is no YAML", "fix the YAML"
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        return loader.get_mark().line + 1 if loader else 1, str(error), "fix the value, or write it in quotes"
