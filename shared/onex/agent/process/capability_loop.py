"""Capabilities of nodes that run without an event loop: theirs lives on a thread beside the node."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from onex.capability import Composition

_STOP_WITHIN = 10.0


@contextmanager
def running(composition: Composition) -> Iterator[None]:
    """Start engines, stop them in the end; what they do in between runs on a loop of their own.

    Raises what an engine's ``open`` raises. Costs nothing for a node without managed capabilities.
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
