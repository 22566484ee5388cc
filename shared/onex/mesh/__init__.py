"""The mesh for applications and operators: the client, discovery, and the state of nodes."""

from onex.errors import BusUnavailableError
from onex.mesh.calls import Step
from onex.mesh.client import MeshClient
from onex.mesh.discovery import Discovery, Entry
from onex.mesh.errors import (
    CommandRejectedError,
    CommandTimeoutError,
    UnknownCommandError,
    WorkflowFailedError,
)
from onex.mesh.lag import PartitionLag
from onex.mesh.run import MeshRun
from onex.mesh.states import StateReader
from onex.mesh.survey import NodeView, Survey

__all__ = [
    "BusUnavailableError",
    "CommandRejectedError",
    "CommandTimeoutError",
    "Discovery",
    "Entry",
    "MeshClient",
    "MeshRun",
    "NodeView",
    "PartitionLag",
    "StateReader",
    "Step",
    "Survey",
    "UnknownCommandError",
    "WorkflowFailedError",
]
