"""Whose exception is it: the message's, or that of the engine that cancelled the message's task?"""

import asyncio
from weakref import WeakSet

from onex.util.interrupts import raise_if_interrupted


class Cancellations:
    """The asyncio tasks of messages that the engine has cancelled."""

    def __init__(self) -> None:
        self._cancelled: WeakSet[asyncio.Task[None]] = WeakSet()

    def cancel(self, running: "asyncio.Task[None]") -> None:
        """Cancel the task of a message, which is left to the next owner of its partition."""
        self._cancelled.add(running)
        running.cancel()

    def is_of_message(self, error: BaseException, running: "asyncio.Task[None]") -> bool:
        """Return whether an exception in the task of a message is the message's failure.

        It is not when the engine cancelled the task, when the loop closes the coroutine of the task from outside, and
        when it is a signal. A CancelledError that a handler raises, or that reaches it from another task, is.
        """
        try:
            is_inside = asyncio.current_task() is running
        except RuntimeError:  # no loop runs any more
            is_inside = False
        if not is_inside or running in self._cancelled:
            return False
        raise_if_interrupted(error)
        while running.cancelling():  # the handler cancelled its own task
            running.uncancel()
        return True
