"""MixinDockerHealthCheck, with a small engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import ValidationError
from typing_extensions import override

from onex.capability import Composition, HealthChecks
from onex.capability.health import ProtocolReadiness
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.docker_client import MixinDockerClient, ModelDockerClientSubcontract
from onex.mixins.docker_health_check import DiskUse, MixinDockerHealthCheck, ModelDockerHealthCheckSubcontract
from onex.mixins.docker_health_check.engine import DockerHealthCheckEngine
from onex.mixins.health_check import MixinHealthCheck
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.docker_daemon import FakeDaemon, docker_daemon, error
from tests.mixins.helpers import container
from tests.mixins.test_docker_client import client


@asynccontextmanager
async def health(
    clock: ManualClock | None = None, **settings: object
) -> AsyncIterator[tuple[FakeDaemon, DockerHealthCheckEngine]]:
    wanted = ModelDockerHealthCheckSubcontract.model_validate(settings)
    async with docker_daemon() as daemon, client(daemon.host) as docker:
        yield daemon, DockerHealthCheckEngine(wanted, docker, clock or ManualClock())


@pytest.mark.enforces("docker_health_check.min_api_version")
def test_an_engine_must_be_new_enough() -> None:
    async def scene() -> None:
        async with health(min_api_version="1.41") as (daemon, engine):
            assert await engine.look() == ""
            await engine.probe()
            daemon.version["ApiVersion"] = "1.9"
            problem = await engine.look()
            assert problem == f"Docker at {daemon.host} has API 1.9, 1.41 is required"
            with pytest.raises(TransientError, match=r"has API 1\.9, 1\.41 is required"):
                await engine.probe()

    asyncio.run(scene())
    with pytest.raises(ValidationError, match="min_api_version"):
        ModelDockerHealthCheckSubcontract(min_api_version="one")


def test_an_engine_that_is_away_is_the_reason() -> None:
    async def scene() -> None:
        async with health() as (daemon, engine):
            daemon.socket.rename(daemon.socket.with_name("hidden"))
            assert "no connection (version)" in await engine.look()
            with pytest.raises(OutageError, match="no connection"):
                await engine.disk()
            daemon.socket.with_name("hidden").rename(daemon.socket)
            assert await engine.look() == ""

    asyncio.run(scene())


@pytest.mark.enforces("docker_health_check.max_disk_bytes", "docker_health_check.disk_interval_seconds")
def test_the_disk_is_measured_at_intervals() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with health(clock, max_disk_bytes=114, disk_interval_seconds=60) as (daemon, engine):
            assert await engine.disk() == DiskUse(images=100, containers=10, volumes=5, build_cache=0)
            daemon.requests.clear()
            for _ in range(3):
                with pytest.raises(TransientError, match="stores 115 bytes, 114 are allowed"):
                    await engine.probe_disk()
            assert len(daemon.requests) == 1
            clock.move_to(clock.monotonic() + 60)
            with pytest.raises(TransientError):
                await engine.probe_disk()
            assert len(daemon.requests) == 2
            daemon.script("GET /system/df", error(400, "no disk"), web.Response(status=400, text="plain"))
            with pytest.raises(RejectedError, match="disk: no disk"):
                await engine.disk()
            with pytest.raises(RejectedError, match="disk: plain"):
                await engine.disk()
        async with health(max_disk_bytes=115) as (daemon, engine):
            await engine.probe_disk()

    asyncio.run(scene())


class Readiness(ProtocolReadiness):
    """Records complaints."""

    def __init__(self) -> None:
        self.complaints: dict[str, str] = {}

    @override
    def complain(self, about: str, reason: str) -> bool:
        self.complaints[about] = reason
        return True

    @override
    def degrade(self, about: str, reason: str) -> bool:
        self.complaints.pop(about, None)
        return True

    @override
    def clear(self, about: str) -> bool:
        return self.complaints.pop(about, None) is not None


@pytest.mark.enforces("docker_health_check.critical", "docker_health_check.disk_critical")
def test_a_node_is_not_ready_while_its_engine_is_away() -> None:
    made = type("NodeRigEffect", (MixinDockerHealthCheck, MixinHealthCheck, MixinDockerClient, NodeEffect), {})

    async def scene() -> None:
        async with docker_daemon() as daemon:
            node = made()
            node.container = container(
                ModelDockerClientSubcontract(host=daemon.host), ModelDockerHealthCheckSubcontract(max_disk_bytes=1)
            )
            readiness = Readiness()
            node.container.registry.value(ProtocolReadiness, readiness)
            composition = Composition(node)
            daemon.socket.rename(daemon.socket.with_name("hidden"))
            await composition.start()
            facts = await node.health.check_now()
            assert not node.health.is_healthy()
            assert "no connection" in facts.checks["docker"].detail
            assert any("no connection" in reason for reason in readiness.complaints.values())
            checks = node.container.get(HealthChecks).all
            assert (checks["docker"].critical, checks["docker.disk"].critical) == (True, False)
            daemon.socket.with_name("hidden").rename(daemon.socket)
            for _ in range(2):
                await node.health.check_now()
            assert node.health.is_healthy()
            assert readiness.complaints == {}
            await composition.stop()

    asyncio.run(scene())
    node = made()
    node.container = container(
        ModelDockerHealthCheckSubcontract(critical=False, max_disk_bytes=1, disk_critical=True)
    )
    assert isinstance(node.docker_health, DockerHealthCheckEngine)
    checks = node.container.get(HealthChecks).all
    assert (checks["docker"].critical, checks["docker.disk"].critical) == (False, True)
    plain = made()
    plain.container = container()
    _ = plain.docker_health
    assert "docker.disk" not in plain.container.get(HealthChecks).all
