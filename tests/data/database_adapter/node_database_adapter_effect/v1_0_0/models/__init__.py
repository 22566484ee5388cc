"""Messages of the adapter."""

from onex.node import Message

__all__ = [
    "AdapterInspected",
    "ChangeStatus",
    "ExecutionRead",
    "ExecutionRecorded",
    "ExecutionRemoved",
    "InspectAdapter",
    "ReadExecution",
    "RecordExecution",
    "RemoveExecution",
    "StatusChanged",
]


class RecordExecution(Message, key="execution_id"):
    """Store an execution, or replace its status and note."""

    execution_id: str
    workflow: str
    status: str
    note: str


class ReadExecution(Message, key="execution_id"):
    """Look up an execution."""

    execution_id: str


class ChangeStatus(Message, key="execution_id"):
    """Set the status of an execution."""

    execution_id: str
    status: str


class RemoveExecution(Message, key="execution_id"):
    """Remove an execution. One that does not exist is no failure."""

    execution_id: str


class InspectAdapter(Message, key="execution_id"):
    """Ask whether the adapter is well."""

    execution_id: str


class ExecutionRecorded(Message):
    """An execution is stored."""

    execution_id: str
    status: str


class ExecutionRead(Message):
    """An execution as it is stored."""

    execution_id: str
    workflow: str
    status: str
    note: str


class StatusChanged(Message):
    """An execution has a new status."""

    execution_id: str
    status: str


class ExecutionRemoved(Message):
    """An execution is gone."""

    execution_id: str
    removed: list[str]


class AdapterInspected(Message):
    """The health of the adapter."""

    execution_id: str
    healthy: bool
