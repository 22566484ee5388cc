"""Drive the generation of node packages."""

from node_codegen_orchestrator.v1_0_0.models import (
    ContractValidated,
    GenerateNode,
    GenerateTests,
    GenerationCompleted,
    GenerationFailed,
    GenerationProgressed,
    NodeStored,
    RenderNode,
    StoreNode,
    TestsFailed,
    TestsPassed,
    ValidateContract,
)
from onex.mixins.alerting import MixinAlerting
from onex.node import NodeOrchestrator, Run


class NodeCodegenOrchestrator(MixinAlerting, NodeOrchestrator[GenerateNode, GenerationCompleted]):
    """Validate, render, generate tests, store."""

    def validate(self, run: Run[GenerateNode]) -> ValidateContract:
        command = run.command
        return ValidateContract(
            generation_id=command.generation_id,
            contract=command.contract,
            strategy=command.strategy,
            level=command.level,
        )

    def render(self, run: Run[GenerateNode]) -> RenderNode:
        command = run.command
        return RenderNode(generation_id=command.generation_id, contract=command.contract, mixins=command.mixins)

    def tests(self, run: Run[GenerateNode]) -> GenerateTests:
        command = run.command
        return GenerateTests(
            generation_id=command.generation_id,
            contract=command.contract,
            level=command.level,
            mixins=command.mixins,
        )

    def store(self, run: Run[GenerateNode]) -> StoreNode:
        validated, tested = run.result(ContractValidated), run.result(TestsPassed)
        return StoreNode(
            generation_id=run.command.generation_id,
            name=validated.name,
            version=validated.version,
            files=tested.files,
        )

    def completed(self, run: Run[GenerateNode]) -> GenerationCompleted:
        validated, tested, stored = run.result(ContractValidated), run.result(TestsPassed), run.result(NodeStored)
        return GenerationCompleted(
            generation_id=run.command.generation_id,
            name=validated.name,
            kind=validated.kind,
            tests=tested.passed,
            digest=stored.digest,
            folder=stored.folder,
            seconds=_seconds(run),
            strategy=validated.strategy,
            level=validated.level,
            gates=tested.gates,
            warnings=tuple(dict.fromkeys((*validated.warnings, *tested.warnings))),
            mixins=tested.mixins,
            unfinished=tested.unfinished,
            stage_seconds=tested.stage_seconds,
        )

    def failed(self, run: Run[GenerateNode]) -> GenerationFailed:
        step, reason = (run.failure.step, run.failure.reason) if run.failure else ("", "")
        return GenerationFailed(
            generation_id=run.command.generation_id,
            step=step,
            reason=reason,
            seconds=_seconds(run),
            stage=_failed_stage(run),
        )

    def progress(self, run: Run[GenerateNode], step: str, status: str) -> GenerationProgressed:
        validated = run.result(ContractValidated) if run.has(ContractValidated) else None
        tested = run.result(TestsPassed) if run.has(TestsPassed) else None
        failed = run.failure.step if run.failure else ""
        stage = _failed_stage(run)
        return GenerationProgressed(
            generation_id=run.command.generation_id,
            step=step,
            status=status,
            kind=validated.kind if validated else "unknown",
            seconds=_seconds(run),
            strategy=validated.strategy if validated else "",
            mixins=validated.mixins if validated and run.command.mixins else (),
            unfinished=len(tested.unfinished) if tested else 0,
            failed_step=f"{failed}.{stage}" if stage else failed,
        )


def _failed_stage(run: Run[GenerateNode]) -> str:
    match run.failure.event if run.failure else None:
        case TestsFailed(stage=stage):
            return stage
        case _:
            return ""


def _seconds(run: Run[GenerateNode]) -> float:
    return (run.now - run.started_at).total_seconds()
