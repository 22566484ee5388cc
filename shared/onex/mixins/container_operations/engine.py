"""Creates, operates and observes containers."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal

from aiohttp import ClientTimeout
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import CallTimeoutError, OutageError, RejectedError, TransientError
from onex.mixins.container_operations.creation import LABEL_KEY, LABEL_NODE, LABEL_SPEC, creation, digest_of
from onex.mixins.container_operations.facts import (
    ContainerFacts,
    ContainerHealth,
    ContainerStatistics,
    ContainerSummary,
    EnumContainerHealth,
    ExecResult,
    LogLine,
)
from onex.mixins.container_operations.log_lines import LineCutter, frames
from onex.mixins.container_operations.model_container_operations_subcontract import (
    ModelContainerOperationsSubcontract,
)
from onex.mixins.container_operations.protocol_container_operations import ProtocolContainerOperations
from onex.mixins.container_operations.remembered import Remembered
from onex.mixins.container_operations.replies import Executed, Inspected, Listed, Sampled, Waited
from onex.mixins.container_operations.spec import ContainerSpec
from onex.mixins.docker_client import ProtocolDockerClient
from onex.mixins.docker_client.failures import ConflictError, NotFoundError, checked, detail_of
from onex.mixins.docker_client.names import checked_container
from onex.util.clock import ProtocolClock

_STDOUT: Final = 1
_CREATED: Final = "created"
_POLL_SECONDS: Final = 0.01
_APPEAR_SECONDS: Final = 5.0
_HEALTH_SECONDS: Final = 0.2
"""Seconds between two looks at the result of the engine's check."""
_STOP_SECONDS: Final = 60.0
"""Seconds that the engine has after the grace period."""


class ContainerOperationsEngine(ProtocolContainerOperations):
    """Containers of one node. Each call checks first that the container is the node's own."""

    def __init__(
        self,
        settings: ModelContainerOperationsSubcontract,
        docker: ProtocolDockerClient,
        node: str,
        current_message: ProtocolCurrentMessage,
        clock: ProtocolClock,
    ) -> None:
        self._settings = settings
        self._docker = docker
        self._node = node
        self._current_message = current_message
        self._clock = clock
        self._executed: Remembered[ExecResult] = Remembered(settings.remembered_results)
        self._restarted: Remembered[ContainerFacts] = Remembered(settings.remembered_results)
        self._created = self._repeated = 0

    @override
    async def create(self, spec: ContainerSpec, *, key: str = "") -> ContainerFacts:
        digest = digest_of(spec)
        work = self._key_of("create", key or (self._current_message.idempotency_key and digest), explicit=bool(key))
        labels = {LABEL_NODE: self._node, LABEL_SPEC: digest} | ({LABEL_KEY: work} if work else {})
        body = creation(spec, self._settings, labels)
        name = checked_container(spec.name) if spec.name else f"onex-{work}" if work else None
        if work and (existing := await self._of_key(work)):
            return self._repeated_creation(existing, work, digest)
        try:
            async with self._docker.call(f"container {name or spec.image}") as docker:
                made = await docker.containers.create(body, name=name)
        except ConflictError:
            # Another attempt created it after the look above, or the name belongs to another container.
            return self._repeated_creation(await self._appearing(name or ""), work, digest)
        self._created += 1
        return (await self._inspected(made.id)).facts

    async def _appearing(self, name: str) -> Inspected:
        """Return the container whose name is in use. The engine reserves a name before it has the container."""
        until = self._clock.monotonic() + _APPEAR_SECONDS
        while True:
            try:
                return await self._inspected(name)
            except NotFoundError:
                if self._clock.monotonic() >= until:
                    raise TransientError(f"container {name}: another attempt creates it") from None
            await asyncio.sleep(_POLL_SECONDS)

    def _key_of(self, verb: str, key: str, *, explicit: bool = False) -> str:
        """Return the label of a piece of work, or an empty string outside of a message and without a key."""
        if not key:
            return ""
        of_message = "" if explicit else self._current_message.idempotency_key
        return hashlib.sha256("\n".join((self._node, verb, of_message, key)).encode()).hexdigest()[:40]

    async def _of_key(self, work: str) -> Inspected | None:
        filters = {"label": [f"{LABEL_NODE}={self._node}", f"{LABEL_KEY}={work}"]}
        async with self._docker.call("containers of a key") as docker:
            found = await docker.containers.list(all=True, filters=filters)
        return await self._inspected(found[0].id) if found else None

    def _repeated_creation(self, existing: Inspected, work: str, digest: str) -> ContainerFacts:
        labels = existing.config.labels
        if not work or labels.get(LABEL_NODE) != self._node or labels.get(LABEL_KEY) != work:
            raise RejectedError(f"the name {existing.facts.name} belongs to another container; use another name")
        if labels.get(LABEL_SPEC) != digest:
            raise RejectedError("this key has created another container; use a key of its own for each container")
        self._repeated += 1
        return existing.facts

    @override
    async def run(self, spec: ContainerSpec, *, key: str = "") -> ContainerFacts:
        made = await self.create(spec, key=key)
        return await self.start(made.id) if made.state == _CREATED else made

    @override
    async def start(self, container: str) -> ContainerFacts:
        own = await self._own(container)
        async with self._docker.call(f"container {container}") as docker:
            await docker.containers.container(own.id).start()
        return (await self._inspected(own.id)).facts

    @override
    async def stop(self, container: str, *, grace_seconds: int | None = None) -> ContainerFacts:
        own, grace = await self._own(container), self._grace(grace_seconds)
        async with self._docker.call(f"container {container}", grace + _STOP_SECONDS) as docker:
            await docker.containers.container(own.id).stop(t=grace)
        return (await self._inspected(own.id)).facts

    @override
    async def restart(self, container: str, *, grace_seconds: int | None = None) -> ContainerFacts:
        own, grace = await self._own(container), self._grace(grace_seconds)

        async def work() -> ContainerFacts:
            async with self._docker.call(f"container {container}", grace + _STOP_SECONDS) as docker:
                await docker.containers.container(own.id).restart(t=grace)
            return (await self._inspected(own.id)).facts

        key = self._key_of("restart", self._current_message.idempotency_key and own.id)
        return await self._restarted.once(key, work)

    def _grace(self, seconds: int | None) -> int:
        return self._settings.stop_grace_seconds if seconds is None else seconds

    @override
    async def remove(self, container: str, *, force: bool = False) -> bool:
        try:
            own = await self._own(container)
            async with self._docker.call(f"container {container}") as docker:
                await docker.containers.container(own.id).delete(force=force, v=True)
        except NotFoundError:
            return False
        except ConflictError as error:
            if "already in progress" in str(error):
                return True
            raise
        return True

    @override
    async def exec(
        self,
        container: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        user: str = "",
        workdir: str = "",
        seconds: float | None = None,
        key: str = "",
    ) -> ExecResult:
        own = await self._own(container)
        limit = self._settings.exec_timeout_seconds if seconds is None else seconds

        async def work() -> ExecResult:
            async with self._docker.stream(f"container {container}") as docker:
                try:
                    async with asyncio.timeout(limit):
                        made = await docker.containers.container(own.id).exec(
                            list(command), environment=environment, user=user, workdir=workdir or None
                        )
                        output = {True: bytearray(), False: bytearray()}
                        is_cut = False
                        async with made.start(detach=False) as stream:
                            while (message := await stream.read_out()) is not None:
                                is_cut |= self._collect(output[message.stream == _STDOUT], message.data)
                        while (ended := Executed.model_validate(await made.inspect())).is_running:
                            await asyncio.sleep(_POLL_SECONDS)
                except TimeoutError:
                    raise CallTimeoutError(
                        f"container {container}: the command has not ended in {limit:g} s"
                    ) from None
            return ExecResult(ended.exit_code or 0, bytes(output[True]), bytes(output[False]), is_cut)

        return await self._executed.once(self._key_of("exec", key and f"{own.id}\n{key}"), work)

    def _collect(self, output: bytearray, data: bytes) -> bool:
        """Add to the output what is within the limit. Return whether something is beyond."""
        room = self._settings.max_output_bytes - len(output)
        output += data[:room]
        return len(data) > room

    @override
    async def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: int = 0,
        stream: Literal["both", "stdout", "stderr"] = "both",
        seconds: float | None = None,
    ) -> AsyncGenerator[LogLine, None]:
        own = await self._own(container)
        limit = self._settings.wait_timeout_seconds if seconds is None else seconds
        until = self._clock.monotonic() + limit
        query = {
            "follow": str(int(follow)),
            "stdout": str(int(stream != "stderr")),
            "stderr": str(int(stream != "stdout")),
            "tail": "all" if tail is None else str(tail),
            "since": str(since),
        }
        left = self._settings.max_log_bytes
        cutters: dict[str, LineCutter] = {}
        async with self._docker.stream(f"container {container}") as docker:
            # `log()` of aiodocker loses the stream of a line, takes a cut-off for the end, and without `follow`
            # reads everything into memory.
            url = f"{docker.docker_host}/{docker.api_version}/containers/{own.id}/logs"
            try:
                async with asyncio.timeout(limit):
                    response = await checked(await docker.session.get(url, params=query))
                source = frames(response.content, has_terminal=own.config.has_terminal)
                while True:
                    async with asyncio.timeout(max(0.0, until - self._clock.monotonic())):
                        frame = await anext(source, None)
                    if frame is None:
                        break
                    name, chunk = frame
                    cutter = cutters.setdefault(name, LineCutter(name, self._settings.max_line_characters))
                    for line in cutter.feed(chunk[:left]):
                        yield line
                    left -= len(chunk)
                    if left < 0:
                        break
            except TimeoutError:
                raise CallTimeoutError(f"container {container}: its log has not ended in {limit:g} s") from None
        for cutter in cutters.values():
            for line in cutter.end(is_cut=left < 0):
                yield line
        if follow and left >= 0 and (await self._inspected(own.id)).facts.is_running:
            raise OutageError(f"container {container}: the engine ended the stream of its log")

    @override
    async def statistics(self, container: str) -> ContainerStatistics:
        own = await self._own(container)
        async with self._docker.call(f"container {container}") as docker:
            (sample,) = await docker.containers.container(own.id).stats(stream=False)
            return Sampled.model_validate(sample).statistics

    @override
    async def wait(self, container: str, *, seconds: float | None = None) -> int:
        own = await self._own(container)
        limit = self._settings.wait_timeout_seconds if seconds is None else seconds
        async with self._docker.stream(f"container {container}") as docker:
            try:
                async with asyncio.timeout(limit):
                    ended = await docker.containers.container(own.id).wait(timeout=ClientTimeout())
            except TimeoutError:
                raise CallTimeoutError(f"container {container} still runs after {limit:g} s") from None
            return Waited.model_validate(ended).exit_code

    @override
    async def health(self, container: str) -> ContainerHealth:
        return (await self._own(container)).health

    @override
    async def wait_healthy(self, container: str, *, seconds: float | None = None) -> ContainerHealth:
        limit = self._settings.wait_timeout_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(limit):
                while (found := await self.health(container)).status is not EnumContainerHealth.HEALTHY:
                    _can_become_healthy(container, found)
                    await asyncio.sleep(_HEALTH_SECONDS)
        except TimeoutError:
            raise CallTimeoutError(f"container {container} is not healthy after {limit:g} s") from None
        _can_become_healthy(container, found)
        return found

    @override
    async def find(self, container: str) -> ContainerFacts | None:
        try:
            return (await self._own(container)).facts
        except NotFoundError:
            return None

    @override
    async def list(self, *, limit: int = 100) -> Sequence[ContainerSummary]:
        filters = {"label": [f"{LABEL_NODE}={self._node}"]}
        async with self._docker.call("containers") as docker:
            found = await docker.containers.list(all=True, limit=limit, filters=filters)
            fields = ("Id", "Names", "State", "Labels")
            return [Listed.model_validate({name: entry[name] for name in fields}).summary for entry in found]

    async def _own(self, container: str) -> Inspected:
        """Return a container that the node may operate. Raise RejectedError for any other."""
        found = await self._inspected(checked_container(container))
        name = found.facts.name
        is_own = found.config.labels.get(LABEL_NODE) == self._node
        if not is_own and not any(fnmatchcase(name, pattern) for pattern in self._settings.containers):
            raise RejectedError(
                f"the container {name} belongs to another program; container_operations.containers allows names"
            )
        return found

    async def _inspected(self, container: str) -> Inspected:
        async with self._docker.call(f"container {container}") as docker:
            return Inspected.model_validate(await docker.containers.container(container).show())

    def reported_metrics(self) -> Mapping[str, float]:
        """Containers that were created, and repeated calls that changed nothing."""
        repeated = self._repeated + self._executed.repeated + self._restarted.repeated
        return {"created": float(self._created), "repeated": float(repeated)}


def _can_become_healthy(container: str, health: ContainerHealth) -> None:
    """Raise when a wait for the health of this container would never end."""
    if not health.is_running:
        raise TransientError(f"container {container} does not run")
    match health.status:
        case EnumContainerHealth.NONE:
            raise RejectedError(f"container {container} has no check; set `health` of its ContainerSpec")
        case EnumContainerHealth.UNHEALTHY:
            raise TransientError(
                f"container {container} is unhealthy after {health.failures} failures: {detail_of(health.output)}"
            )
