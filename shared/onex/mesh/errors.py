"""Errors of calls into the mesh. A lost broker is :class:`onex.errors.BusUnavailableError`."""

from collections.abc import Mapping

from onex.errors import OnexError
from onex.model.enums import EnumFailureClass
from onex.model.message import Message


class UnknownCommandError(OnexError):
    """No node of this mesh takes messages of this type."""


class CommandTimeoutError(OnexError):
    """The broker has the command, but it did not end in time.

    It may still complete: wait for it by executing the same command with the same id.
    """

    def __init__(self, command_id: str, seconds: float) -> None:
        super().__init__(
            f"command {command_id} was not completed within {seconds:g} s; execute it again with this id"
        )
        self.command_id = command_id


class CommandRejectedError(OnexError):
    """The node refused the command: it became a dead letter and started nothing."""

    def __init__(self, command_id: str, failure: EnumFailureClass, reason: str, letter: Mapping[str, str]) -> None:
        super().__init__(f"command {command_id} was refused ({failure}): {reason}")
        self.command_id = command_id
        self.failure = failure
        self.reason = reason
        self.dead_letter = letter
        """Headers of the dead letter."""


class WorkflowFailedError(OnexError):
    """The command, or the workflow that it started, failed."""

    def __init__(self, command_id: str, reason: str, event: Message | None = None) -> None:
        super().__init__(f"command {command_id} failed: {reason}")
        self.command_id = command_id
        self.reason = reason
        self.event = event
        """The failure event; None when a handler failed and the command became a dead letter."""
