"""Migrates contracts of earlier versions of the schema to the current one."""

from dataclasses import dataclass
from pathlib import Path

from onex.codegen.migrate.text import CannotEditError, ContractText
from onex.codegen.migrate.versions import VERSIONS, Change
from onex.contract.load import parse_contract
from onex.contract.yaml_lines import parse_yaml
from onex.errors import ContractError, ContractProblem
from onex.model.contract.contract import SCHEMA_VERSION

_KEY = "schema_version"


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration changes in a file."""

    file: Path
    text: str
    """The contract in the current version of the schema."""
    changes: tuple[Change, ...]
    """Empty for a contract that is current."""


def migrated(text: str, file: Path) -> Migration:
    """Return the contract in the current version. Raise ContractError when the result would be no contract.

    It changes spellings only: the contract means what it meant.
    """
    data, _ = parse_yaml(text, file)
    version = data.get(_KEY, 0)
    if not isinstance(version, int) or isinstance(version, bool) or version > SCHEMA_VERSION:
        parse_contract(text, str(file))  # it says what is wrong with the version
        version = SCHEMA_VERSION
    edited = ContractText(text, file)
    changes: list[Change] = []
    for step in VERSIONS:
        if step.number > version:
            try:
                changes += step.migrate(edited)
            except CannotEditError as error:
                raise _refused(file, str(error)) from None
    if changes:
        if edited.pair(_KEY) is None:
            edited.insert_first(f"{_KEY}: {SCHEMA_VERSION}")
        else:
            edited.set_value(str(SCHEMA_VERSION), _KEY)
        parse_contract(edited.text, str(file))
    return Migration(file, edited.text, tuple(changes))


def _refused(file: Path, words: str) -> ContractError:
    what, _, remedy = words.partition(": ")
    return ContractError([ContractProblem(file, 1, _KEY, remedy or what, what)])
