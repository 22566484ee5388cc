"""From ``contract.yaml`` to a frozen model, or to every problem it has."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue, ValidationError

from onex.contract.problems import problems_of
from onex.contract.yaml_lines import Lines, Location, dotted, line_of, parse_yaml, read_yaml
from onex.model.contract import ModelContract
from onex.model.errors import ContractError, ContractProblem

FILE_NAME = "contract.yaml"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_contract(path: Path) -> ModelContract:
    """Read one contract (the file, or the folder that holds it); raises ContractError."""
    file = path / FILE_NAME if path.is_dir() else path
    return _validated(*read_yaml(file), file)


def load_known_keys(file: Path) -> ModelContract:
    """Read a contract that may be written for a newer version: top-level keys that nobody knows are passed over."""
    data, lines = read_yaml(file)
    return _validated({key: value for key, value in data.items() if key in ModelContract.model_fields}, lines, file)


def parse_contract(text: str, name: str = FILE_NAME) -> ModelContract:
    """A contract from text; ``name`` is what problems call it. Raises ContractError."""
    return _validated(*parse_yaml(text, Path(name)), Path(name))


def _validated(data: dict[str, JsonValue], lines: Lines, file: Path) -> ModelContract:
    problems: list[ContractProblem] = []
    for key in ("config", "mixins", "subcontracts", "advanced_features"):
        if key in data:
            data[key] = _resolve(data[key], (key,), file, lines, problems)
    try:
        contract = ModelContract.model_validate(data)
    except ValidationError as error:
        problems += problems_of(error, ModelContract, file, lines)
    if problems:
        raise ContractError(problems)
    return contract


def find_contracts(roots: Iterable[Path]) -> list[Path]:
    """Contract files below the given files and folders, sorted; raises ContractError for a root without any."""
    found: list[Path] = []
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob(FILE_NAME))
        if not files:
            raise ContractError(
                [
                    ContractProblem(
                        root, 1, "path", f"no {FILE_NAME} here", "give a contract or a folder that holds some"
                    )
                ]
            )
        found += files
    return found


def _resolve(value: JsonValue, at: Location, file: Path, lines: Lines, problems: list[ContractProblem]) -> JsonValue:
    """Replace ``${VAR}`` and ``${VAR:-default}`` in texts by the environment's values."""
    match value:
        case str():

            def replace(found: re.Match[str]) -> str:
                resolved = os.environ.get(found[1], found[2])
                if resolved is None:
                    problems.append(
                        ContractProblem(
                            file,
                            line_of(lines, at),
                            dotted(at),
                            f"environment variable {found[1]} is not set",
                            f"set it, or write ${{{found[1]}:-default}}",
                        )
                    )
                    return ""
                return resolved

            return _VARIABLE.sub(replace, value)
        case dict():
            return {key: _resolve(item, (*at, key), file, lines, problems) for key, item in value.items()}
        case list():
            return [_resolve(item, (*at, index), file, lines, problems) for index, item in enumerate(value)]
    return value
