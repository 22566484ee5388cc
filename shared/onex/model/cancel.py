"""The command that every declared workflow takes in addition to its own."""

from onex.model.message import Message


class CancelWorkflow(Message, key="workflow_id"):
    """End a running workflow: it fails with ``reason``, and what was done is compensated.

    A workflow that has ended already, or never began, is left alone. ``workflow_id`` is the key of
    the command that started it.
    """

    workflow_id: str
    reason: str = "cancelled"
