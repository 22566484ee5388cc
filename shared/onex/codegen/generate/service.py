"""The generator for callers: introspect, render, generate, validate, write."""

from collections.abc import Mapping
from pathlib import Path

from onex.codegen.generate.pipeline import CodeGenerationPipeline, TestRunner, silent, validator_of
from onex.codegen.generate.progress import OnProgress
from onex.codegen.generate.strategies import Rendered, strategy_of
from onex.codegen.introspect import ContractIntrospector, ModelEnhancedContract
from onex.codegen.model import (
    EnumValidationLevel,
    GenerationOptions,
    ModelGenerationResult,
    ModelValidationResult,
)
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.write import WriteReport, write_package
from onex.codegen.write.places import services_folder
from onex.contract.load import FILE_NAME
from onex.errors import RejectedError


class CodeGenerationService:
    """Makes packages of nodes from contracts, and checks contracts and nodes. Commands and nodes use it."""

    def __init__(self, *, on_progress: OnProgress = silent, tests: TestRunner | None = None) -> None:
        """``tests`` runs the tests of a package; without one, those of the library's sandbox."""
        self._on_progress = on_progress
        self._tests = tests

    def introspect(self, text: str, name: str = FILE_NAME) -> ModelEnhancedContract:
        """Return what a contract asks for, with warnings. Problems call it ``name``.

        Raise ContractError with every problem, also for a contract that is valid and lacks what a generator needs.
        """
        generatable_contract(text, name)
        return ContractIntrospector().introspect(text, name)

    def render(self, text: str, options: GenerationOptions | None = None, name: str = FILE_NAME) -> Rendered:
        """Return the files of a package without checking them. Raise ContractError and RejectedError."""
        contract = generatable_contract(text, name)
        package = f"{contract.name}/{contract.contract_version.folder}"
        return strategy_of(options or GenerationOptions(), package).render(text, package)

    def generate(
        self, text: str, options: GenerationOptions | None = None, name: str = FILE_NAME
    ) -> ModelGenerationResult:
        """Return the package of a contract, with the results of its gates. Problems call the contract ``name``.

        Raise ContractError, RejectedError and WriteError as :meth:`CodeGenerationPipeline.run` does.
        """
        chosen = options or GenerationOptions()
        return CodeGenerationPipeline(chosen, on_progress=self._on_progress, tests=self._tests).run(text, name)

    def validate(
        self, files: Mapping[str, str], level: EnumValidationLevel = EnumValidationLevel.STANDARD
    ) -> tuple[ModelValidationResult, ...]:
        """Return the results of the stages that the level has, for the files of a package by path."""
        return validator_of(level).validate(files)

    def write(
        self, result: ModelGenerationResult, output: Path, *, overwrite: bool = False, backup: bool = False
    ) -> WriteReport:
        """Write a generated package below ``output``: all of its files or none.

        Raise RejectedError for a package whose gates did not pass, and as :func:`write_package` does.
        """
        if not result.passed:
            raise RejectedError(f"{result.name}: a gate did not pass ({result.reason}); nothing was written")
        services = services_folder(output, result.package)
        return write_package(result.files, services, overwrite=overwrite, backup=backup, base=result.base)
