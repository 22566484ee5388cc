"""What others see of an agent process: its info file, its announcer, its traces."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from onex.agent.announce import Announcer, Identity
from onex.agent.announce.process_stats import ProcessStats
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.protocols import Partition, ProtocolEventBus
from onex.capability import Reports
from onex.connect import open_bus, open_catalogue
from onex.contract import ResolvedNode
from onex.errors import OnexError
from onex.mixins.introspection_publisher import ModelIntrospectionPublisherSubcontract
from onex.provisioning.environment import require_environment
from onex.schema import ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.util.clock import ProtocolClock


def _host_of_url(host: str) -> str:
    """Return a host as URLs on this machine have it: IPv6 in brackets, ``::`` (all addresses) as loopback."""
    return f"[{'::1' if host == '::' else host}]" if ":" in host else host


def heartbeat_interval(resolved: ResolvedNode, settings: Settings) -> float:
    """Return the seconds between two heartbeats of a node. 0 means that it publishes nothing about itself."""
    if not settings.heartbeat_interval:
        return 0
    configured = resolved.features.of(ModelIntrospectionPublisherSubcontract)
    return configured.heartbeat_interval_seconds or settings.heartbeat_interval


class Presence:
    """Announces the process from ``start`` to ``stop``, with its own clients: the engine may lose its."""

    def __init__(
        self,
        resolved: ResolvedNode,
        settings: Settings,
        instance: str,
        port: int,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        lags: Callable[[], Mapping[Partition, int]],
        reports: Reports,
    ) -> None:
        contract = resolved.contract
        self._settings = settings
        self._contract = contract
        self._instance = instance
        self._unfinished = resolved.unfinished
        self._endpoint = f"http://{_host_of_url(settings.health_host)}:{port}"
        self._file: Path = settings.home / "run" / f"{contract.topic_prefix}{contract.name}.{instance}.json"
        self.tracing: Tracing | None = None
        if endpoint := settings.otlp_endpoint or contract.otlp_endpoint:
            group = contract.group(settings.env)
            self.tracing = Tracing.to_collector(
                contract.name, str(contract.contract_version), group, instance, endpoint, settings.traces_per_second
            )
        self._announcer: Announcer | None = None
        if interval := heartbeat_interval(resolved, settings):
            identity = Identity(
                settings.env,
                instance,
                settings.host,
                os.getpid(),
                clock.now_ms(),
                self._endpoint,
                metrics.names,
                interval,
            )
            stats = ProcessStats(health, metrics, lags, settings.lag_threshold)
            self._announcer = Announcer(resolved, identity, stats, reports, self._open_bus)

    def _open_bus(self) -> tuple[ProtocolEventBus, ProtocolSchemaCatalogue]:
        bus = open_bus(self._settings)
        try:
            require_environment(bus, self._settings.env, self._contract.topic_prefix)
        except OnexError:
            bus.close()
            raise
        return bus, open_catalogue(self._settings, bus)

    def start(self) -> None:
        """Write the info file that `onex status` reads; start the announcer."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        info = {
            "prefix": self._contract.topic_prefix,
            "node": self._contract.name,
            "version": str(self._contract.contract_version),
            "kind": self._contract.node_type,
            "instance": self._instance,
            "pid": os.getpid(),
            "health": self._endpoint,
            "unfinished": self._unfinished,
        }
        # In one step: another process may read the file at any moment.
        temporary = self._file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(info))
        temporary.replace(self._file)
        if self._announcer is not None:
            self._announcer.start()

    def stop(self, patience: float) -> None:
        """Send the last heartbeat, in at most ``patience`` seconds; export the last spans."""
        if self._announcer is not None:
            self._announcer.stop(patience)
        if self.tracing is not None:
            self.tracing.close()

    def forget(self) -> None:
        """Remove the info file, when the process ends in order."""
        self._file.unlink(missing_ok=True)
