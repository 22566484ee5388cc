"""The API for node authors: the four kinds of nodes, their context and their results."""

from onex.errors import NotImplementedNodeError, RejectedError, TransientError
from onex.model.context import Context
from onex.model.message import Message
from onex.node.base import Node, NodeConfig
from onex.node.kinds import NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer
from onex.node.outside import bytes_of, field_of, optional_field_of, path_of, utf8_text
from onex.node.results import Addressed, CancelTimer, Decision, Reduction, SetTimer, TimerFired
from onex.node.run import Run, StepFailure
from onex.node.unfinished import unfinished

__all__ = [
    "Addressed",
    "CancelTimer",
    "Context",
    "Decision",
    "Message",
    "Node",
    "NodeCompute",
    "NodeConfig",
    "NodeEffect",
    "NodeOrchestrator",
    "NodeReducer",
    "NotImplementedNodeError",
    "Reduction",
    "RejectedError",
    "Run",
    "SetTimer",
    "StepFailure",
    "TimerFired",
    "TransientError",
    "bytes_of",
    "field_of",
    "optional_field_of",
    "path_of",
    "unfinished",
    "utf8_text",
]
