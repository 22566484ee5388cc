"""The feature of the workflow engine that stores runs."""

from collections.abc import Iterator

from onex.capability import define_feature
from onex.capability.feature import Refusal
from onex.mixins.workflow_persistence.model_workflow_persistence_subcontract import (
    ModelWorkflowPersistenceSubcontract,
)
from onex.model.contract import ModelContract


def _check(_: ModelWorkflowPersistenceSubcontract, contract: ModelContract) -> Iterator[Refusal]:
    if contract.workflow_coordination is None:
        yield Refusal(
            "",
            "the node declares no workflow whose runs the engine could store",
            "declare its steps in workflow_coordination; the state that `decide` returns is durable without a mixin",
        )


FEATURE = define_feature(__file__, ModelWorkflowPersistenceSubcontract, _check)
"""Contracts name it ``MixinWorkflowPersistence`` or ``workflow_persistence``."""
