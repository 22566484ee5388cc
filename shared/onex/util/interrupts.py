"""A KeyboardInterrupt that code caught together with the exceptions of a handler."""

import signal


def raise_if_interrupted(error: BaseException) -> None:
    """Raise a KeyboardInterrupt that Python's own handler of SIGINT may have raised: it is about the whole process.

    An agent handles its signals itself (:mod:`onex.agent.process.stop`), so there it is always a handler's.
    """
    if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        raise error
