"""The event loop of the capabilities of a pure node: it runs on its own thread, because the node has no loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from onex.capability import Composition

_STOP_WITHIN = 10.0


@contextmanager
def running(composition: Composition) -> Iterator[None]:
    """Start the engines of capabilities, and stop them in the end. Between, their tasks run on their own loop.

    Raises what an engine's ``open`` raises. A node without managed capabilities has no such thread.
    """
    if not composition.managed:
        yield
        return
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="capabilities", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(composition.start(), loop).result()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(composition.stop(), loop).result(_STOP_WITHIN)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
