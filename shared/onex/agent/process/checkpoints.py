"""Makes checkpoints of keyed state for capabilities, with the bus of the agent."""

import asyncio
from collections.abc import Callable, Sequence
from threading import Event
from typing import ParamSpec, TypeVar

from typing_extensions import override

from onex.agent.runtime import ProtocolCallRunner
from onex.bus.protocols import ProtocolEventBus
from onex.capability.checkpoints import CheckpointedNode, CheckpointFacts, CheckpointRequest, ProtocolCheckpoints
from onex.checkpoint import CheckpointSource, CheckpointStore, Making, Manifest, Retention
from onex.errors import BusError, SchemaMismatchError, TransientError
from onex.model.contract import ModelContract
from onex.model.topic import environment_of_group
from onex.schema import ProtocolSchemaCatalogue
from onex.util.clock import ProtocolClock

P = ParamSpec("P")
T = TypeVar("T")


class AgentCheckpoints(ProtocolCheckpoints):
    """The checkpoints of the agent's node, and of other nodes in the same environment."""

    def __init__(
        self,
        contract: ModelContract,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        group: str,
        instance: str,
        clock: ProtocolClock,
        run_call: ProtocolCallRunner,
    ) -> None:
        """``run_call`` makes the calls of the bus and the catalogue, which wait for brokers."""
        named = environment_of_group(group, contract.topic_prefix)
        self._env = named[0] if named else ""
        self._name = contract.name
        self._version = str(contract.contract_version)
        self._prefix = contract.topic_prefix
        self._bus = bus
        self._catalogue = catalogue
        self._who = f"{contract.name} {instance}"
        self._clock = clock
        self._run_call = run_call

    @override
    async def make(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts:
        store = self._store(of)
        for manifest in await self._call(store.all):
            if manifest.name == request.name:
                return _facts(manifest)
        return await self._make(store, request)

    @override
    async def make_once(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts | None:
        store = self._store(of)
        if await self._call(store.is_begun, request.name):
            return None
        return await self._make(store, request)

    @override
    async def all(self, of: CheckpointedNode | None) -> Sequence[CheckpointFacts]:
        return [_facts(manifest) for manifest in await self._call(self._store(of).all)]

    async def _make(self, store: CheckpointStore, request: CheckpointRequest) -> CheckpointFacts:
        making = Making(request.name, request.key, self._who, request.reason, request.automatic)
        retention, stop = Retention(request.count, request.seconds), Event()
        try:
            return _facts(await self._call(store.make, making, retention, stop.is_set))
        except asyncio.CancelledError:
            stop.set()  # its thread would keep the process
            raise

    def _store(self, of: CheckpointedNode | None) -> CheckpointStore:
        name, version = (self._name, self._version) if of is None else (of.name, str(of.major))
        source = CheckpointSource.of(name, version, self._env, self._prefix)
        return CheckpointStore(self._bus, self._catalogue, source, self._clock)

    async def _call(self, call: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
        try:
            return await self._run_call(call, *args, **named)
        except (BusError, SchemaMismatchError) as error:
            raise TransientError(f"checkpoints: {error}") from error


def _facts(manifest: Manifest) -> CheckpointFacts:
    return CheckpointFacts(
        manifest.name,
        manifest.node,
        manifest.version,
        manifest.fingerprint,
        manifest.made_at_ms,
        manifest.keys,
        manifest.size_bytes,
        manifest.checksum,
        manifest.key,
        manifest.at_rest,
    )
