"""Runs a node as a service of a Faust application."""

import asyncio
import os
from pathlib import Path

import faust
from typing_extensions import override

from onex.agent.process.embedded_agent import EmbeddedAgent
from onex.contract import ResolvedNode, resolve_node
from onex.errors import ConfigurationError
from onex.faust.tracing import AppTracing
from onex.model.enums import EnumHost
from onex.settings import Settings


def attach(app: faust.App, node: Path | str, settings: Settings | None = None) -> None:
    """Run the node in a folder with ``app``. It starts with the application, and drains when the application stops.

    The contract must have ``delivery.host: faust``. The node has a consumer and a consumer group of its own: its
    offsets, dead letters, retries, metrics and spans are those of an agent in its own process. Without an address in
    ``settings`` (by default those of the environment) the node uses the brokers of ``app``. With
    ``OTEL_EXPORTER_OTLP_ENDPOINT`` the records that ``app`` sends have spans, which the spans of the node continue.

    Raises ConfigurationError and ContractError.
    """
    chosen = settings or Settings.load()
    if not chosen.kafka_bootstrap_servers:
        brokers = ",".join(f"{url.host}:{url.port or 9092}" for url in app.conf.broker)
        chosen = chosen.model_copy(update={"kafka_bootstrap_servers": brokers})
    resolved = resolve_node(Path(node), chosen.topic_prefix, environment=os.environ)
    if resolved.contract.delivery.host is not EnumHost.FAUST:
        raise ConfigurationError(
            f"{resolved.folder / 'contract.yaml'}: delivery.host: a node in a Faust application needs "
            "host: faust and guarantee: at_least_once"
        )

    class Attached(NodeService):
        node = resolved
        settings = chosen

    app.service(Attached)


class NodeService(faust.Service):
    """The agent of one node, within the life of an application."""

    node: ResolvedNode
    settings: Settings
    _agent: EmbeddedAgent | None = None

    @override
    async def on_start(self) -> None:
        """Start the agent on a thread, which waits for brokers and topics. The application does not wait for it."""
        agent = await asyncio.to_thread(EmbeddedAgent, self.node, self.settings)
        self._tracing = AppTracing(self.settings.otlp_endpoint)
        self._agent = agent
        agent.start()
        self.add_future(self._watch(agent))

    @override
    async def on_stop(self) -> None:
        """Drain the agent, if it was started."""
        if self._agent is None:
            return
        self._agent.ask_stop()
        await asyncio.to_thread(self._agent.wait)
        self._tracing.close()

    async def _watch(self, agent: EmbeddedAgent) -> None:
        """Stop the application when the agent ends before it."""
        await asyncio.to_thread(agent.wait)
        if not self.should_stop:
            await self.crash(RuntimeError(f"the agent of {self.node.contract.name} has ended; its log says why"))
