"""Handlers that block."""

import asyncio
from collections.abc import Callable, Sequence
from threading import Event


async def charge_card(block: Callable[[], object]) -> None:
    """One call that takes long."""
    block()
    await asyncio.sleep(0)


async def many(begun: Sequence[Event], may_end: Sequence[Event]) -> None:
    """One after the other, in the same turn of the loop."""
    await asyncio.gather(*(_one(*pair) for pair in zip(begun, may_end, strict=True)))


async def _one(begun: Event, may_end: Event) -> None:
    begun.set()
    assert may_end.wait(10)
