"""What ``onex generate`` prints about a generation: a table for people, facts for programs."""

from collections.abc import Sequence

from onex.cli.output import console, errors, print_rows
from onex.cli.terminal import styled
from onex.codegen.introspect import ModelEnhancedContract
from onex.codegen.model import EnumValidationLevel, ModelFinding, ModelGenerationResult, ModelValidationResult
from onex.util.printable import indented

_COLUMNS = ("node", "kind", "strategy", "gates", "tests", "unfinished", "seconds", "")


def print_generated(results: Sequence[ModelGenerationResult], *, verbose: bool) -> None:
    """Print a table of the nodes, and below it what their author must know."""
    print_rows(_COLUMNS, [_row(result) for result in results])
    for result in results:
        for warning in result.warnings:
            errors.print(styled("[yellow]warning[/] {}: {}", result.name, str(warning)))
        _print_findings(result, verbose=verbose)
        if not result.passed:
            errors.print(
                styled(
                    "[red]failed[/] {}: {}",
                    result.name,
                    f"{result.failed_step}: {result.reason.partition(chr(10))[0]}",
                )
            )
            if result.tests is not None and result.tests.output:
                errors.print(indented(result.tests.output))
        if result.added:
            console.print(styled("{}: added {}", result.name, ", ".join(result.added)))
        if result.unfinished:
            names = ", ".join(result.unfinished)
            console.print(styled("{}: write the body of {} in node.py", result.name, names))
        for note in result.notes:
            if verbose or ": conflict: " in note or ": kept_handler: " in note:
                errors.print(styled("[yellow]regenerated[/] {}", note))
        if verbose:
            for name in result.written:
                console.print(styled("{} written", f"{result.folder}/{name}"))
            for name in result.removed:
                console.print(styled("{} removed", f"{result.folder}/{name}"))
            for step, seconds in result.stage_seconds.items():
                console.print(styled("{}: {} took {} s", result.name, step, f"{seconds:.3f}"))
        if result.backup:
            console.print(styled("{}: the package before is backup {}", result.name, result.backup))


def result_facts(result: ModelGenerationResult) -> dict[str, object]:
    """Return a result for programs. The text of the files is on disk."""
    return {
        "name": result.name,
        "kind": result.kind,
        "version": result.version,
        "strategy": result.strategy,
        "level": result.level,
        "passed": result.passed,
        "failed_step": result.failed_step,
        "reason": result.reason,
        "mixins": list(result.mixins),
        "added": list(result.added),
        "unfinished": list(result.unfinished),
        "warnings": [finding_facts(warning) for warning in result.warnings],
        "gates": [_gate_facts(each, result.level) for each in result.validation],
        "tests": None if result.tests is None else result.tests.model_dump(mode="json"),
        "seconds": {step.value: round(seconds, 3) for step, seconds in result.stage_seconds.items()},
        "kept": list(result.kept),
        "notes": list(result.notes),
        "folder": result.folder,
        "written": list(result.written),
        "removed": list(result.removed),
        "backup": result.backup,
    }


def contract_facts(contract: ModelEnhancedContract) -> dict[str, object]:
    """Return what a contract asks for, for programs."""
    return {
        "name": contract.contract.name,
        "kind": contract.contract.node_type,
        "mixins": [mixin.name for mixin in contract.mixins],
        "warnings": [finding_facts(warning) for warning in contract.warnings],
        "problems": [],
    }


def finding_facts(finding: ModelFinding) -> dict[str, object]:
    """Return a finding for programs."""
    return finding.model_dump(mode="json")


def _gate_facts(result: ModelValidationResult, level: EnumValidationLevel) -> dict[str, object]:
    return {
        "stage": result.stage,
        "passed": _passes(result, level),
        "seconds": round(result.seconds, 3),
        "cached": result.cached,
        "findings": [finding_facts(finding) for finding in result.findings],
    }


def _passes(result: ModelValidationResult, level: EnumValidationLevel) -> bool:
    return not (result.findings if level is EnumValidationLevel.STRICT else result.errors)


def _row(result: ModelGenerationResult) -> list[object]:
    gates = [_passes(each, result.level) for each in result.validation]
    tests = result.tests
    return [
        result.name,
        result.kind,
        result.strategy,
        f"{sum(gates)}/{len(gates)}" if gates else "none",
        f"{tests.passed}/{tests.passed + tests.failed}" if tests else "none",
        len(result.unfinished),
        f"{result.seconds:.2f}",
        _outcome(result),
    ]


def _outcome(result: ModelGenerationResult) -> str:
    if not result.passed:
        return "failed, nothing written"
    return f"{len(result.written)} files written" if result.written or result.removed else "unchanged"


def _print_findings(result: ModelGenerationResult, *, verbose: bool) -> None:
    for stage in result.validation:
        for finding in stage.findings:
            if verbose or not result.passed:
                errors.print(styled("[yellow]{}[/] {}", finding.severity, str(finding)))
        if verbose:
            cached = ", from the cache" if stage.cached else ""
            console.print(styled("{}: {} in {} s{}", result.name, stage.stage, f"{stage.seconds:.3f}", cached))
