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
    TestsPassed,
    ValidateContract,
)
from onex.node import NodeOrchestrator, Run


class NodeCodegenOrchestrator(NodeOrchestrator[GenerateNode, GenerationCompleted]):
    """Validate, render, generate tests, store."""

    def validate(self, run: Run[GenerateNode]) -> ValidateContract:
        return ValidateContract(generation_id=run.command.generation_id, contract=run.command.contract)

    def render(self, run: Run[GenerateNode]) -> RenderNode:
        return RenderNode(generation_id=run.command.generation_id, contract=run.command.contract)

    def tests(self, run: Run[GenerateNode]) -> GenerateTests:
        return GenerateTests(generation_id=run.command.generation_id, contract=run.command.contract)

    def store(self, run: Run[GenerateNode]) -> StoreNode:
        validated, tested = run.result(ContractValidated), run.result(TestsPassed)
        return StoreNode(
            generation_id=run.command.generation_id,
            name=validated.name,
            version=validated.version,
            files=tested.files,
        )

    def completed(self, run: Run[GenerateNode]) -> GenerationCompleted:
        validated, stored = run.result(ContractValidated), run.result(NodeStored)
        return GenerationCompleted(
            generation_id=run.command.generation_id,
            name=validated.name,
            kind=validated.kind,
            tests=run.result(TestsPassed).passed,
            digest=stored.digest,
            folder=stored.folder,
            seconds=_seconds(run),
        )

    def failed(self, run: Run[GenerateNode]) -> GenerationFailed:
        step, reason = (run.failure.step, run.failure.reason) if run.failure else ("", "")
        return GenerationFailed(
            generation_id=run.command.generation_id, step=step, reason=reason, seconds=_seconds(run)
        )

    def progress(self, run: Run[GenerateNode], step: str, status: str) -> GenerationProgressed:
        kind = run.result(ContractValidated).kind if ContractValidated in run.results else "unknown"
        return GenerationProgressed(
            generation_id=run.command.generation_id, step=step, status=status, kind=kind, seconds=_seconds(run)
        )


def _seconds(run: Run[GenerateNode]) -> float:
    return (run.now - run.started_at).total_seconds()
