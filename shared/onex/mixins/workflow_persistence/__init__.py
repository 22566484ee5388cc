"""Persistence of workflows: how long the state of finished runs is stored."""

from onex.mixins.workflow_persistence.feature_workflow_persistence import FEATURE
from onex.mixins.workflow_persistence.model_workflow_persistence_subcontract import (
    ModelWorkflowPersistenceSubcontract,
)

__all__ = ["FEATURE", "ModelWorkflowPersistenceSubcontract"]
