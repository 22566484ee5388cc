"""Makes checkpoints at intervals, and for the handlers of an EFFECT."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from typing_extensions import override

from onex.capability import HealthCheck, HealthChecks, NodeIdentity, Reports
from onex.capability.checkpoints import CheckpointedNode, CheckpointFacts, CheckpointRequest, ProtocolCheckpoints
from onex.errors import NodeUseError, TransientError
from onex.mixins.checkpoint_management.model_checkpoint_management_subcontract import (
    ModelCheckpointManagementSubcontract,
)
from onex.mixins.checkpoint_management.protocol_checkpoint_management import ProtocolCheckpointManagement
from onex.model.enums import EnumNodeKind
from onex.util.clock import ProtocolClock, to_datetime
from onex.util.error_text import error_text

log = structlog.get_logger(__name__)
_KEY: Final = "checkpoint_management"
_CHECK: Final = "checkpoints"
_LONGEST_SPREAD: Final = 30.0
"""Seconds in which the instances of a node begin, one after the other, so that mostly the first one makes it."""


class CheckpointManagementEngine(ProtocolCheckpointManagement):
    """Belongs to one event loop. No handler of a pure node waits for it."""

    def __init__(
        self,
        settings: ModelCheckpointManagementSubcontract,
        checkpoints: ProtocolCheckpoints,
        identity: NodeIdentity,
        kind: EnumNodeKind,
        clock: ProtocolClock,
        checks: HealthChecks,
        reports: Reports,
    ) -> None:
        self._settings = settings
        self._checkpoints = checkpoints
        self._kind = kind
        self._clock = clock
        self._checks = checks
        self._reports = reports
        self._of = CheckpointedNode(settings.node, settings.node_major) if kind is EnumNodeKind.EFFECT else None
        self._place = zlib.crc32(identity.instance.encode()) / 2**32
        """Place of this instance among all, from 0 to 1."""
        self._task: asyncio.Task[None] | None = None
        self._problem = ""
        self._made = self._failures = 0
        self._latest: CheckpointFacts | None = None
        """The latest one that this process made."""

    async def open(self) -> None:
        """Start automatic checkpoints, and their health check."""
        if (interval := self._settings.interval_seconds) is not None:
            self._checks.add(HealthCheck(_CHECK, self.probe, critical=False))
            self._task = asyncio.create_task(self._make_always(interval))

    async def close(self) -> None:
        """Stop. A checkpoint that is not complete is never listed, and the next one deletes its records."""
        task, self._task = self._task, None
        if task is not None:
            self._checks.remove(_CHECK)
            task.cancel()
            await asyncio.wait([task])

    async def probe(self) -> None:
        """Raise TransientError with the reason when the latest automatic checkpoint was not made."""
        if self._problem:
            raise TransientError(self._problem)

    @override
    async def make(self, name: str, *, key: str | None = None, reason: str = "") -> CheckpointFacts:
        self._require_effect()
        return self._count(await self._checkpoints.make(self._request(name, key=key, reason=reason), self._of))

    @override
    async def all(self) -> Sequence[CheckpointFacts]:
        self._require_effect()
        return await self._checkpoints.all(self._of)

    def reported_metrics(self) -> Mapping[str, float]:
        """Counters of this process, and facts about the latest checkpoint that it made; 0 before the first."""
        latest = self._latest
        return {
            "made": float(self._made),
            "failures": float(self._failures),
            "latest_seconds": 0.0 if latest is None else latest.made_at_ms / 1_000,
            "latest_keys": 0.0 if latest is None else float(latest.keys),
            "latest_bytes": 0.0 if latest is None else float(latest.size_bytes),
        }

    async def _make_always(self, interval: float) -> None:
        interval_ms = round(interval * 1_000)
        spread_ms = round(min(_LONGEST_SPREAD, interval / 10) * self._place * 1_000)
        while True:
            now_ms = self._clock.now_ms()
            due_ms = (now_ms - spread_ms) // interval_ms * interval_ms + interval_ms
            await asyncio.sleep((due_ms + spread_ms - now_ms) / 1_000)
            await self._make_automatic(f"auto-{to_datetime(due_ms):%Y%m%dT%H%M%S.%f}")

    async def _make_automatic(self, name: str) -> None:
        try:
            facts = await self._checkpoints.make_once(self._request(name, automatic=True), self._of)
        except Exception as error:  # noqa: BLE001 - an attempt that fails must not end the others
            self._failures += 1
            self._problem = f"{name} was not made: {error_text(error)}"
            self._reports.report(_KEY, name, "failed", self._problem)
            log.warning("checkpoint not made", checkpoint=name, reason=error_text(error))
            return
        self._problem = ""
        if facts is not None:
            self._count(facts)

    def _count(self, facts: CheckpointFacts) -> CheckpointFacts:
        self._made += 1
        self._latest = facts
        self._reports.report(_KEY, facts.name, "made", f"{facts.keys} keys, {facts.size_bytes} bytes")
        return facts

    def _request(
        self, name: str, *, key: str | None = None, reason: str = "", automatic: bool = False
    ) -> CheckpointRequest:
        settings = self._settings
        return CheckpointRequest(name, settings.keep_count, settings.max_age_seconds, key, reason, automatic)

    def _require_effect(self) -> None:
        if self._of is None:
            raise NodeUseError(
                f"a {self._kind} is pure: its handlers make no checkpoints; set interval_seconds, use `onex state "
                "checkpoint make`, or an EFFECT with MixinCheckpointManagement and `node`"
            )
