"""Checks the files of nodes in stages."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from onex.codegen.model import EnumValidationLevel, EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.validate.bandit import bandit_process, check_bandit, without_repetitions
from onex.codegen.validate.cache import ResultCache, key_of
from onex.codegen.validate.rule import Findings, in_order
from onex.codegen.validate.siblings import sibling_files
from onex.codegen.validate.sources import Package, Sources, read_sources
from onex.codegen.validate.stage_compliance import check_compliance
from onex.codegen.validate.stage_imports import check_imports
from onex.codegen.validate.stage_performance import check_performance
from onex.codegen.validate.stage_security import check_security
from onex.codegen.validate.stage_syntax_tree import check_syntax_tree
from onex.codegen.validate.stage_types import check_types, mypy_process
from onex.codegen.validate.suppressions import apply_suppressions

_BASIC = (EnumValidationStage.SYNTAX, EnumValidationStage.AST, EnumValidationStage.IMPORTS)
STAGES: Final[Mapping[EnumValidationLevel, tuple[EnumValidationStage, ...]]] = {
    EnumValidationLevel.NONE: (),
    EnumValidationLevel.BASIC: _BASIC,
    EnumValidationLevel.STANDARD: tuple(EnumValidationStage),
    EnumValidationLevel.STRICT: tuple(EnumValidationStage),
}
"""The stages of each level, in the order of the report."""
_WITH_A_TOOL = frozenset({EnumValidationStage.TYPE_CHECKING, EnumValidationStage.SECURITY})
"""Stages that wait for the process of a tool: they start first, and run next to the others."""
_Check = Callable[[], Iterable[ModelFinding]]


@dataclass(frozen=True, slots=True)
class _Checked:
    """The files of a validation, and what they depend on."""

    sources: Sources
    roots: tuple[str, ...]
    """Folders in which other nodes are."""
    context: Mapping[str, str]
    """Files of the nodes that the checked ones import."""


class NodeValidator:
    """Runs the stages of a level over files of any origin. It imports and runs none of them.

    One validator serves any number of threads.
    """

    def __init__(
        self,
        level: EnumValidationLevel = EnumValidationLevel.STANDARD,
        *,
        folder: Path | None = None,
        roots: Sequence[Path] = (),
        mixins: bool = True,
    ) -> None:
        """``folder`` has the caches of mypy and of results. Without it they are in memory and in a temporary folder,
        and the first type check of a process fills them again. ``roots`` are folders with further nodes, whose
        messages the files may import. Without ``mixins``, declared capabilities need not be bases of the class.
        """
        self.level = level
        self._roots = tuple(str(root.resolve()) for root in roots)
        self._mixins = mixins
        self._folder = folder
        self._cache = ResultCache(folder)

    @property
    def stages(self) -> tuple[EnumValidationStage, ...]:
        """The stages of the level."""
        return STAGES[self.level]

    def warm_up(self) -> None:
        """Start the tools. Call it before the files exist: the tools load while they are rendered."""
        if not _WITH_A_TOOL.isdisjoint(self.stages):
            mypy_process(self._folder).warm_up()
            bandit_process().warm_up()

    def validate(self, files: Mapping[str, str]) -> tuple[ModelValidationResult, ...]:
        """Return the result of each stage, in their order. ``files`` are texts by path below the services folder.

        Files that stage SYNTAX refuses end the validation: its result is the only one.
        """
        if not self.stages:
            return ()
        start = perf_counter()
        sources = read_sources(files)
        syntax = ModelValidationResult(
            stage=EnumValidationStage.SYNTAX, findings=in_order(sources.findings), seconds=perf_counter() - start
        )
        if not sources.is_sound:
            return (syntax,)
        roots = (*self._roots, *(path for path in sys.path if path))
        checked = _Checked(sources, roots, sibling_files(files, roots))
        results = {syntax.stage: syntax}
        with ThreadPoolExecutor(len(_WITH_A_TOOL), "onex-validate") as pool:
            futures: dict[EnumValidationStage, Future[ModelValidationResult]] = {
                stage: pool.submit(self._result, stage, checked) for stage in self.stages if stage in _WITH_A_TOOL
            }
            for stage in self.stages:
                if stage not in futures and stage not in results:
                    results[stage] = self._result(stage, checked)
            results |= {stage: future.result() for stage, future in futures.items()}
        return tuple(apply_suppressions(sources, [results[stage] for stage in self.stages]))

    def _result(self, stage: EnumValidationStage, checked: _Checked) -> ModelValidationResult:
        key = key_of(stage, checked.sources.files, checked.context, settings=[*self._roots, f"mixins={self._mixins}"])
        stored = self._cache.get(key, stage)
        if stored is not None:
            return ModelValidationResult(stage=stage, findings=stored, seconds=0.0, cached=True)
        start = perf_counter()
        findings = in_order(self._check(stage, checked)())
        # A tool that did not reply says nothing about the files: the next validation asks it again.
        if not any(finding.rule.endswith(".tool") for finding in findings):
            self._cache.put(key, stage, findings)
        return ModelValidationResult(stage=stage, findings=findings, seconds=perf_counter() - start)

    def _check(self, stage: EnumValidationStage, checked: _Checked) -> _Check:
        sources = checked.sources
        match stage:
            case EnumValidationStage.SYNTAX:
                return lambda: sources.findings
            case EnumValidationStage.AST:
                return partial(_each, sources, check_syntax_tree)
            case EnumValidationStage.IMPORTS:
                return partial(_each, sources, partial(check_imports, sources, roots=checked.roots))
            case EnumValidationStage.TYPE_CHECKING:
                return partial(check_types, sources, checked.context, mypy_process(self._folder))
            case EnumValidationStage.ONEX_COMPLIANCE:
                return partial(_each, sources, partial(check_compliance, mixins=self._mixins))
            case EnumValidationStage.SECURITY:
                return partial(_security, sources)
            case EnumValidationStage.PERFORMANCE:
                return partial(_each, sources, check_performance)


def _each(sources: Sources, check: Callable[[Package], Findings]) -> Iterable[ModelFinding]:
    for package in sources.packages:
        yield from check(package)


def _security(sources: Sources) -> Iterable[ModelFinding]:
    findings = [finding for module in sources.modules for finding in check_security(module)]
    findings += check_bandit(sources.modules, bandit_process())
    return without_repetitions(findings)
