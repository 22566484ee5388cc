"""Frozen models of ``contract.yaml``: every field here is enforced by the engine."""

from onex.model.contract.contract import ModelContract
from onex.model.contract.definitions import ModelDefinitions, ModelMessageDefinition
from onex.model.contract.delivery import ModelDelivery, ModelErrorHandling, ModelRetryPolicy
from onex.model.contract.routing import ModelDependency, ModelEventBus, ModelHandler, ModelHandlerRouting
from onex.model.contract.state_machine import ModelStateMachine, ModelTransition
from onex.model.contract.version import ModelSemVer
from onex.model.contract.workflow import ModelStepRetry, ModelWorkflow, ModelWorkflowStep

__all__ = [
    "ModelContract",
    "ModelDefinitions",
    "ModelDelivery",
    "ModelDependency",
    "ModelErrorHandling",
    "ModelEventBus",
    "ModelHandler",
    "ModelHandlerRouting",
    "ModelMessageDefinition",
    "ModelRetryPolicy",
    "ModelSemVer",
    "ModelStateMachine",
    "ModelStepRetry",
    "ModelTransition",
    "ModelWorkflow",
    "ModelWorkflowStep",
]
