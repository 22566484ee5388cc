"""The wrappers of the four kinds."""

from typing import Generic, TypeVar

from onex.mixins.event_bus import MixinEventBus
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.metrics import MixinMetrics
from onex.mixins.node_service import MixinNodeService
from onex.model.message import Message
from onex.node import NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer

Request = TypeVar("Request", bound=Message)
Result = TypeVar("Result", bound=Message)
State = TypeVar("State", bound=Message)
Command = TypeVar("Command", bound=Message)
Completion = TypeVar("Completion", bound=Message)


class ModelServiceEffect(MixinNodeService, MixinHealthCheck, MixinMetrics, MixinEventBus, NodeEffect):
    """An EFFECT with ``self.service``, ``self.health``, ``self.metrics`` and ``self.event_bus``."""


class ModelServiceCompute(
    MixinNodeService, MixinHealthCheck, MixinMetrics, NodeCompute[Request, Result], Generic[Request, Result]
):
    """A COMPUTE with ``self.service``, ``self.health`` and ``self.metrics``."""


class ModelServiceReducer(MixinNodeService, MixinHealthCheck, MixinMetrics, NodeReducer[State], Generic[State]):
    """A REDUCER with ``self.service``, ``self.health`` and ``self.metrics``."""


class ModelServiceOrchestrator(
    MixinNodeService,
    MixinHealthCheck,
    MixinMetrics,
    NodeOrchestrator[Command, Completion],
    Generic[Command, Completion],
):
    """An ORCHESTRATOR with ``self.service``, ``self.health`` and ``self.metrics``."""
