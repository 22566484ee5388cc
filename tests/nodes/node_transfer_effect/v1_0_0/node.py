"""An outside system that knows idempotency keys, over a socket: one line asks, one line answers."""

import asyncio

from node_transfer_effect.v1_0_0.models import MoneyTransferred, MoveMoney

from onex.node import Context, NodeConfig, NodeEffect, TransientError


class NodeTransferEffect(NodeEffect):
    """Hands the bank the idempotency key, so that a repeated call moves nothing."""

    class Config(NodeConfig):
        bank: str
        """``host:port``."""

    config: Config

    async def move(self, command: MoveMoney, context: Context) -> MoneyTransferred:
        host, port = self.config.bank.rsplit(":", 1)
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"{context.idempotency_key} {command.account} {command.amount}\n".encode())
            receipt = await reader.readline()
            writer.close()
        except OSError as error:
            raise TransientError(f"the bank is out of reach: {error}") from error
        return MoneyTransferred(account=command.account, receipt=int(receipt))
