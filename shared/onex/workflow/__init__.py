"""Declared state machines and workflows, compiled once at start into plain functions."""

from onex.workflow.compile import CompiledWorkflow, compile_workflow, facts_of
from onex.workflow.state import StepState, WorkflowState
from onex.workflow.state_machine import guard_orchestrator, guard_reducer

__all__ = [
    "CompiledWorkflow",
    "StepState",
    "WorkflowState",
    "compile_workflow",
    "facts_of",
    "guard_orchestrator",
    "guard_reducer",
]
