"""Frozen models of ``contract.yaml``: every field here is enforced by the engine."""

from onex.model.contract.aggregation import ModelAggregation
from onex.model.contract.bound_topic import ModelBoundTopic, ModelCorrelation
from onex.model.contract.contract import SCHEMA_VERSION, ModelContract
from onex.model.contract.definitions import ModelDefinitions, ModelMessageDefinition
from onex.model.contract.delivery import ModelDelivery, ModelErrorHandling, ModelRetryPolicy
from onex.model.contract.examples import Case, Expected
from onex.model.contract.io_operations import (
    ModelFileOperation,
    ModelHttpOperation,
    ModelKafkaOperation,
    ModelPostgresOperation,
)
from onex.model.contract.message_type import ModelMessageType
from onex.model.contract.routing import ModelDependency, ModelEventBus, ModelHandler, ModelHandlerRouting
from onex.model.contract.schedules import ModelSchedule
from onex.model.contract.sources import FieldValues, ModelLiteral, ModelPath
from onex.model.contract.state_machine import ModelStateMachine, ModelTransition
from onex.model.contract.text_template import ModelTextTemplate
from onex.model.contract.version import ModelSemVer
from onex.model.contract.workflow import ModelStepRetry, ModelWorkflow, ModelWorkflowStep

__all__ = [
    "SCHEMA_VERSION",
    "Case",
    "Expected",
    "FieldValues",
    "ModelAggregation",
    "ModelBoundTopic",
    "ModelContract",
    "ModelCorrelation",
    "ModelDefinitions",
    "ModelDelivery",
    "ModelDependency",
    "ModelErrorHandling",
    "ModelEventBus",
    "ModelFileOperation",
    "ModelHandler",
    "ModelHandlerRouting",
    "ModelHttpOperation",
    "ModelKafkaOperation",
    "ModelLiteral",
    "ModelMessageDefinition",
    "ModelMessageType",
    "ModelPath",
    "ModelPostgresOperation",
    "ModelRetryPolicy",
    "ModelSchedule",
    "ModelSemVer",
    "ModelStateMachine",
    "ModelStepRetry",
    "ModelTextTemplate",
    "ModelTransition",
    "ModelWorkflow",
    "ModelWorkflowStep",
]
