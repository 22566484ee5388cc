"""Waits two and a half milliseconds for every message."""

import asyncio
import time

from node_slow_effect.v1_0_0.models import Call, Called

from onex.node import Context, NodeEffect


class NodeSlowEffect(NodeEffect):
    """A system that takes its time."""

    async def call(self, command: Call, context: Context) -> Called:
        began = time.monotonic_ns()
        await asyncio.sleep(0.0025)
        return Called(account=command.account, number=command.number, began_ns=began, ended_ns=time.monotonic_ns())
