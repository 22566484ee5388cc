"""Finds contracts in folders, and writes the results of an import."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from onex.codegen.found.convert import FoundContract
from onex.codegen.found.report import report_text
from onex.contract.load import FILE_NAME
from onex.errors import ContractError, ContractProblem

REPORT = "import-report.txt"
_SUFFIXES = (".yaml", ".yml")
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """Where a result is written."""

    result: FoundContract
    contract: Path
    report: Path

    @property
    def exists(self) -> bool:
        """Whether one of the files would be replaced. A link to nowhere exists too."""
        return any(os.path.lexists(path) for path in (self.contract, self.report))


def found_files(paths: Iterable[Path]) -> list[Path]:
    """Return the contracts in files and folders, sorted, each once. Raise ContractError for a path without one.

    In a folder these are the files that are named like contracts: ``contract.yaml``, ``x_contract.yml``,
    ``node_x.yaml``. A folder that has none of those names has any YAML. Links in folders are not followed.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)  # reading it says whether it is a file
            continue
        inside = sorted(_yaml_files(path))
        named = [file for file in inside if "contract" in file.name or file.name.startswith("node_")]
        if not inside:
            raise ContractError(
                [ContractProblem(path, 1, "path", "no YAML file here", "name a contract, or a folder with contracts")]
            )
        files += named or inside
    return list(dict.fromkeys(files))


def _yaml_files(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            file = Path(root, name)
            if name.endswith(_SUFFIXES) and not file.is_symlink():
                count += 1
                if count > _MOST_FILES:
                    remedy = "name folders with fewer files"
                    problem = ContractProblem(folder, 1, "path", f"more than {_MOST_FILES} YAML files here", remedy)
                    raise ContractError([problem])
                yield file


def target_of(result: FoundContract, output: Path) -> Target:
    """Return where a loaded result goes: ``node_x_effect/v1_0_0`` below the folder."""
    assert result.contract is not None
    folder = output / result.contract.name / result.contract.contract_version.folder
    return Target(result, folder / FILE_NAME, folder / REPORT)


def write_target(target: Target) -> None:
    """Write the contract and its report. Each file is replaced as a whole, or not at all."""
    target.contract.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target.contract, target.result.text)
    write_whole(target.report, report_text(target.result))


def write_whole(file: Path, text: str) -> None:
    """Replace a file as a whole, or not at all. It keeps its permissions."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as temporary:
        try:
            temporary.write(text)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask())
            os.replace(temporary.name, file)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
