"""Waits two and a half milliseconds for every message, and not less: the loop's timers are rounded."""

import asyncio
import time

from node_slow_effect.v1_0_0.models import Call, Called

from onex.node import Context, NodeEffect

_WAIT_NS = 2_500_000


class NodeSlowEffect(NodeEffect):
    """A system that takes its time."""

    async def call(self, command: Call, context: Context) -> Called:
        began = ended = time.monotonic_ns()
        while (left := began + _WAIT_NS - ended) > 0:
            await asyncio.sleep(max(left / 1e9, 0.001))
            ended = time.monotonic_ns()
        return Called(account=command.account, number=command.number, began_ns=began, ended_ns=ended)
