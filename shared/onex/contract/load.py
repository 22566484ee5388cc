"""Reads ``contract.yaml`` into a frozen model, or raises all of its problems."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

from pydantic import JsonValue, ValidationError

from onex.contract.language import language_problems
from onex.contract.named_machine import with_named_machine
from onex.contract.problems import problems_of
from onex.contract.variables import Environment, Variables
from onex.contract.yaml_lines import Lines, dotted, line_of, parse_yaml, read_yaml
from onex.errors import ContractError, ContractProblem
from onex.model.contract import ModelContract

FILE_NAME = "contract.yaml"


def load_contract(path: Path, environment: Environment | None = None) -> ModelContract:
    """Read a contract from its file or folder. Raise ContractError.

    ``environment`` fills ``${VAR}``: pass it where the node runs. Without it, defaults are used, and a variable
    without a default stays as it is written.
    """
    return read_contract(path, environment)[0]


def read_contract(
    path: Path, environment: Environment | None = None, *, strict: bool = True
) -> tuple[ModelContract, Variables]:
    """As :func:`load_contract`, with the contract's variables and lines.

    Without ``strict``, unknown top-level keys are ignored: a newer version may know them.
    """
    file = path / FILE_NAME if path.is_dir() else path
    data, lines = read_yaml(file)
    if not strict:
        data = {key: value for key, value in data.items() if key in ModelContract.model_fields}
    return _validated(data, lines, file, environment)


def parse_contract(text: str, name: str = FILE_NAME) -> ModelContract:
    """Return the contract in a text. Problems call it ``name``. Raise ContractError. Variables are not looked up."""
    return parse_with_variables(text, name)[0]


def parse_with_variables(text: str, name: str = FILE_NAME) -> tuple[ModelContract, Variables]:
    """As :func:`parse_contract`, with the contract's variables and lines."""
    return _validated(*parse_yaml(text, Path(name)), Path(name), None)


def _validated(
    data: dict[str, JsonValue], lines: Lines, file: Path, environment: Environment | None
) -> tuple[ModelContract, Variables]:
    variables = Variables(environment, file, lines)
    resolved = variables.resolve(data)
    try:
        contract = _contract(resolved, variables)
    except ValidationError as error:
        raise ContractError([*variables.problems, *problems_of(error, ModelContract, variables)]) from None
    if variables.problems:
        raise ContractError(variables.problems)
    contract = with_named_machine(contract, data, variables)
    problems = [
        ContractProblem(file, line_of(lines, at), dotted(at), message, remedy)
        for at, message, remedy in language_problems(contract)
    ]
    if problems:
        raise ContractError(problems)
    return contract, variables


def _contract(data: dict[str, JsonValue], variables: Variables) -> ModelContract:
    """Return the contract. Raise ValidationError.

    A value that only the environment of the node has is left out, where its text is no value of that type.
    """
    try:
        return ModelContract.model_validate(data)
    except ValidationError as error:
        undecided = [at for details in error.errors() if (at := tuple(details["loc"])) in variables.open]
        if variables.environment is not None or not undecided:
            raise
    changed = deepcopy(data)
    for *outer, last in reversed(undecided):
        part: object = changed
        for key in outer:
            part = part[key]  # type: ignore[index]  # the location of an error is one of the data
        del part[last]  # type: ignore[attr-defined]  # as above
    return ModelContract.model_validate(changed)


def find_contracts(roots: Iterable[Path]) -> list[Path]:
    """Return the contract files in files and folders, sorted. Raise ContractError for a root without one.

    Hidden folders are left out: what is in them is a backup, or being written.
    """
    found: list[Path] = []
    for root in roots:
        files = [root] if root.is_file() else sorted(filter(_is_visible_below(root), root.rglob(FILE_NAME)))
        if not files:
            raise ContractError(
                [
                    ContractProblem(
                        root, 1, "path", f"no {FILE_NAME} here", "name a contract, or a folder with contracts"
                    )
                ]
            )
        found += files
    return found


def _is_visible_below(root: Path) -> Callable[[Path], bool]:
    return lambda file: not any(part.startswith(".") for part in file.relative_to(root).parts)
