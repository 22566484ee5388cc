"""An effect that fails for every account whose name begins with ``bad``."""

import asyncio

from node_bank_effect.v1_0_0.models import Withdraw, Withdrawn

from onex.node import Context, NodeEffect, TransientError


class NodeBankEffect(NodeEffect):
    """Two milliseconds a call."""

    async def withdraw(self, command: Withdraw, context: Context) -> Withdrawn:
        await asyncio.sleep(0.002)
        if command.account.startswith("bad"):
            raise TransientError("the bank does not answer")
        return Withdrawn(account=command.account, number=command.number)
