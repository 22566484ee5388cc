"""One generation: read, render, validate, test, write."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from onex.codegen.generate.cache import cache_folder
from onex.codegen.generate.enhance import enhanced
from onex.codegen.generate.gates import Gate, gate_of_tests, gate_of_validation, wants_tests
from onex.codegen.generate.progress import OnProgress, StepProgress, Steps
from onex.codegen.generate.strategies import Rendered, regenerates_own_messages, strategy_of
from onex.codegen.introspect import ContractIntrospector, ModelEnhancedContract
from onex.codegen.model import (
    EnumGenerationStep,
    EnumValidationLevel,
    GenerationOptions,
    ModelGenerationResult,
    ModelTestRun,
    ModelValidationResult,
)
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.write import WriteReport, write_package
from onex.codegen.write.package_writer import refuse_loss
from onex.codegen.write.places import services_folder
from onex.contract.load import FILE_NAME, parse_contract

if TYPE_CHECKING:
    from onex.codegen.validate import NodeValidator

TestRunner = Callable[[Mapping[str, str]], ModelTestRun]
"""Runs the tests of a package. Its code may be foreign: it runs in a sandbox."""


def silent(_progress: StepProgress) -> None:
    """Report nothing."""


class CodeGenerationPipeline:
    """Takes the steps of a generation in order, and ends after the first one whose gate does not pass.

    A pipeline may run any number of generations, one after the other or in several threads.
    """

    def __init__(
        self,
        options: GenerationOptions,
        *,
        on_progress: OnProgress = silent,
        tests: TestRunner | None = None,
    ) -> None:
        self._options = options
        self._on_progress = on_progress
        self._tests = tests

    def run(self, text: str, name: str = FILE_NAME) -> ModelGenerationResult:
        """Generate a package from the text of a contract, which problems call ``name``.

        A gate that does not pass is a result. Raise ContractError for a contract that is wrong, or that lacks what a
        generator needs; RejectedError for changes by hand that would be lost; WriteError when the system refuses.
        """
        options = self._options
        steps = Steps(self._on_progress)
        validator: NodeValidator | None = None
        if options.level is not EnumValidationLevel.NONE:
            validator = validator_of(options.level, options.output, mixins=options.mixins)
            validator.warm_up()  # its tools load while the package is rendered
        original = text
        added: tuple[str, ...] = ()
        with steps.step(EnumGenerationStep.READ):
            if options.enhance:
                better = enhanced(text, name)
                text, added = better.text, better.added
            parsed = parse_contract(text, name)
            package = f"{parsed.name}/{parsed.contract_version.folder}"
            if not regenerates_own_messages(options, parsed, package):
                generatable_contract(text, name)
            contract = ContractIntrospector().introspect(text, name)
        with steps.step(EnumGenerationStep.RENDER):
            rendered = strategy_of(options, package).render(text, package)
            if options.write and not options.overwrite:  # before the time for checks and tests is spent
                services = services_folder(options.output or Path(), package)
                refuse_loss(rendered.files, services, base=rendered.base, replaced=original)
        validation: tuple[ModelValidationResult, ...] = ()
        tests: ModelTestRun | None = None
        gate = Gate(True)
        if validator is not None:
            with steps.step(EnumGenerationStep.VALIDATE):
                validation = validator.validate(rendered.files)
                gate = gate_of_validation(validation, options.level)
                if not gate.passed:
                    steps.fail(EnumGenerationStep.VALIDATE)
        if gate.passed and wants_tests(options.level) and _has_tests(rendered.files):
            with steps.step(EnumGenerationStep.TEST):
                tests = (self._tests or _default_runner())(rendered.files)
                gate = gate_of_tests(tests)
                if not gate.passed:
                    steps.fail(EnumGenerationStep.TEST)
        report: WriteReport | None = None
        if gate.passed and options.write:
            with steps.step(EnumGenerationStep.WRITE):
                report = written(rendered, package, options, original)
        return _result(contract, rendered, options, steps, validation, tests, gate, report, added)


def validator_of(level: EnumValidationLevel, services: Path | None = None, *, mixins: bool = True) -> "NodeValidator":
    """Return the validator of a level. ``services`` has further nodes, whose messages the package may import.

    Without ``mixins``, capabilities need not be bases of the class.
    """
    from onex.codegen.validate import NodeValidator  # it needs the extra `codegen`, which rendering does not

    roots = [services] if services is not None and services.is_dir() else []
    return NodeValidator(level, folder=cache_folder(), roots=roots, mixins=mixins)


def _has_tests(files: Mapping[str, str]) -> bool:
    """Return whether a package has tests of its own. Those of a node that a person wrote may be elsewhere."""
    return any(PurePosixPath(name).match("test_*.py") for name in files)


def _default_runner() -> TestRunner:
    from onex.codegen.validate import run_tests  # as above

    return run_tests


def written(rendered: Rendered, package: str, options: GenerationOptions, original: str) -> WriteReport:
    """Write a rendered package below the output of the options. Raise RejectedError and WriteError.

    ``original`` is the text of the contract before capabilities were added: that contract on disk may be replaced.
    """
    services = services_folder(options.output or Path(), package)
    return write_package(
        rendered.files,
        services,
        overwrite=options.overwrite,
        backup=options.backup,
        base=rendered.base,
        replaced=original,
    )


def _result(
    contract: ModelEnhancedContract,
    rendered: Rendered,
    options: GenerationOptions,
    steps: Steps,
    validation: tuple[ModelValidationResult, ...],
    tests: ModelTestRun | None,
    gate: Gate,
    report: WriteReport | None,
    added: tuple[str, ...],
) -> ModelGenerationResult:
    return ModelGenerationResult(
        name=contract.contract.name,
        kind=contract.contract.node_type,
        version=str(contract.contract.contract_version),
        strategy=rendered.strategy,
        level=options.level,
        files=rendered.files,
        mixins=tuple(mixin.name for mixin in contract.mixins) if options.mixins else (),
        added=added,
        unfinished=rendered.unfinished,
        validation=validation,
        tests=tests,
        warnings=contract.warnings,
        stage_seconds=steps.seconds,
        passed=gate.passed,
        failed_step=steps.failed,
        reason=gate.reason,
        base=rendered.base,
        kept=rendered.kept,
        notes=rendered.notes,
        folder=str(report.folder) if report else "",
        written=report.written if report else (),
        removed=report.removed if report else (),
        backup=report.backup if report else "",
    )
