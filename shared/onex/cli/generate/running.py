"""The work of ``onex generate``, mode by mode."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from onex.cli.failures import failed
from onex.cli.generate.progress import ProgressLines
from onex.cli.generate.results import contract_facts, finding_facts, print_generated, result_facts
from onex.cli.output import Exit, console, errors, print_json
from onex.cli.terminal import styled
from onex.codegen.generate import CodeGenerationService
from onex.codegen.generate.gates import gate_of_validation
from onex.codegen.model import (
    EnumGenerationStrategy,
    EnumValidationLevel,
    GenerationOptions,
    ModelGenerationResult,
)
from onex.codegen.write import differences, restore_package
from onex.codegen.write.package_reader import read_package
from onex.codegen.write.places import services_folder
from onex.contract import find_contracts, parse_contract
from onex.contract.load import FILE_NAME
from onex.contract.yaml_lines import read_text
from onex.errors import ContractError, ContractProblem, OnexError


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command."""

    paths: Sequence[Path]
    output: Path | None
    mixins: bool
    strategy: EnumGenerationStrategy
    templates: Path | None
    level: EnumValidationLevel
    overwrite: bool
    backup: bool
    enhance: bool
    as_json: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A contract on disk, and where its package belongs."""

    file: Path
    text: str
    package: str
    """``NAME/VERSION``."""
    services: Path


def generate(request: Request) -> None:
    """Generate and write a package for each contract. Raise Exit with the code of the first one that failed."""
    results: list[ModelGenerationResult] = []
    problems: list[dict[str, object]] = []
    codes: list[int] = []
    for file in _contracts(request.paths):
        try:
            result = _generated(request, _source(request, file), level=request.level, write=True)
        except OnexError as error:
            problems.append({"contract": str(file), "problem": str(error)})
            codes.append(failed(error))
            continue
        results.append(result)
        codes += [] if result.passed else [Exit.FAILED]
    if request.as_json:
        facts = [result_facts(result) for result in results]
        print_json({"passed": not codes, "nodes": facts, "problems": problems})
    elif results:
        print_generated(results, verbose=request.verbose)
    if codes:
        raise typer.Exit(codes[0])


def restore(request: Request, backup_id: str) -> None:
    """Put back the backup of each package."""
    restored = []
    for source in [_source(request, file) for file in _contracts(request.paths)]:
        backup = restore_package(source.services, source.package, backup_id, overwrite=request.overwrite)
        restored.append({"package": source.package, "backup": backup.id})
        if not request.as_json:
            console.print(styled("{} is that of {} again", str(source.services / source.package), backup.id))
    if request.as_json:
        print_json({"restored": restored})


def show_differences(request: Request) -> None:
    """Print what a generation would change on disk. Raise Exit when it would change something."""
    changed: list[dict[str, object]] = []
    for source in [_source(request, file) for file in _contracts(request.paths)]:
        result = _generated(request, source, level=EnumValidationLevel.NONE, write=False)
        for each in differences(result.files, source.services):
            changed.append({"file": each.name, "diff": "\n".join(each.lines)})
            if not request.as_json:
                for line in each.lines:
                    console.print(styled(_STYLE_OF_LINE.get(line[:1], "{}"), line))
    if request.as_json:
        print_json({"differences": changed})
    elif not changed:
        console.print("no differences")
    if changed:
        raise typer.Exit(Exit.FAILED)


def validate_contracts(request: Request) -> None:
    """Check the contracts with what a generator needs further. Raise Exit when one cannot be generated."""
    facts: list[dict[str, object]] = []
    codes: list[int] = []
    for file in _contracts(request.paths):
        try:
            contract = CodeGenerationService().introspect(read_text(file), str(file))
        except ContractError as error:
            facts.append({"contract": str(file), "problems": [str(problem) for problem in error.problems]})
            codes.append(failed(error) if not request.as_json else Exit.CONTRACT)
            continue
        facts.append({"contract": str(file), **contract_facts(contract)})
        strict = request.level is EnumValidationLevel.STRICT and contract.warnings
        codes += [Exit.CONTRACT] if strict else []
        if not request.as_json:
            for warning in contract.warnings:
                errors.print(styled("[yellow]warning[/] {}", str(warning)))
            console.print(styled("{}: {} can be generated", str(file), contract.contract.name))
    if request.as_json:
        print_json({"valid": not codes, "contracts": facts})
    if codes:
        raise typer.Exit(codes[0])


def check_node(request: Request, node: Path) -> None:
    """Run the stages of NodeValidator over the package of a ``node.py``. Raise Exit when a stage fails."""
    folder = node if node.is_dir() else node.parent
    if not node.exists():
        raise ContractError([ContractProblem(node, 1, "file", "not found", "name the node.py of a package")])
    file = request.paths[0] if request.paths else folder / FILE_NAME
    text = read_text(file)
    contract = parse_contract(text, str(file))
    package = f"{contract.name}/{contract.contract_version.folder}"
    files = {
        f"{package}/{name}": content.decode(errors="replace")
        for name, content in read_package(folder).items()
        if name.endswith((".py", ".yaml"))
    }
    files[f"{package}/{FILE_NAME}"] = text
    results = CodeGenerationService().validate(files, request.level)
    gate = gate_of_validation(results, request.level)
    if request.as_json:
        stages = [
            {
                "stage": result.stage,
                "seconds": round(result.seconds, 3),
                "findings": [finding_facts(finding) for finding in result.findings],
            }
            for result in results
        ]
        print_json({"passed": gate.passed, "stages": stages})
    else:
        for result in results:
            for finding in result.findings:
                errors.print(styled("[yellow]{}[/] {}", finding.severity, str(finding)))
        console.print(f"{contract.name}: {len(results)} stages, {'passed' if gate.passed else 'failed'}")
    if not gate.passed:
        raise typer.Exit(Exit.FAILED)


_STYLE_OF_LINE = {"+": "[green]{}[/]", "-": "[red]{}[/]", "@": "[cyan]{}[/]"}


def _contracts(paths: Sequence[Path]) -> list[Path]:
    """Return the contract files. A folder without any ``contract.yaml`` has those whose names end in ``.yaml``."""
    files: list[Path] = []
    for path in paths:
        named = [] if path.is_file() else sorted(path.glob("*.yaml"))
        has_packages = path.is_dir() and any(path.rglob(FILE_NAME))
        files += named if named and not has_packages else find_contracts([path])
    return files


def _source(request: Request, file: Path) -> Source:
    """Read a contract. Raise ContractError."""
    text = read_text(file)
    contract = parse_contract(text, str(file))
    package = f"{contract.name}/{contract.contract_version.folder}"
    # Absolute, because the folder of a version may be the current one.
    output = Path(os.path.abspath(request.output or file.parent))
    services = services_folder(output, package)
    if request.output is None and services == output:  # the contract is in no package
        services = Path.cwd()
    return Source(file, text, package, services)


def _generated(request: Request, source: Source, *, level: EnumValidationLevel, write: bool) -> ModelGenerationResult:
    options = GenerationOptions(
        strategy=request.strategy,
        level=level,
        mixins=request.mixins,
        templates=request.templates,
        output=source.services,
        write=write,
        enhance=request.enhance,
        overwrite=request.overwrite,
        backup=request.backup,
    )
    with ProgressLines(str(source.file), silent=request.as_json or not write) as progress:
        service = CodeGenerationService(on_progress=progress.note)
        return service.generate(source.text, options, str(source.file))
