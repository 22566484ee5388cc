"""MixinContainerOperations, with a small engine. tests/backends has a real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web
from pydantic import ValidationError

from onex.errors import CallTimeoutError, OutageError, RejectedError, TransientError
from onex.mixins.container_operations import (
    ContainerHealth,
    ContainerSpec,
    ContainerStatistics,
    EnumContainerHealth,
    HealthProbe,
    LogLine,
    MixinContainerOperations,
    ModelContainerOperationsSubcontract,
)
from onex.mixins.container_operations.engine import ContainerOperationsEngine
from onex.mixins.container_operations.log_lines import LineCutter
from onex.mixins.docker_client import MixinDockerClient
from onex.node import NodeEffect
from onex.util.clock import SystemClock
from tests.mixins.docker_daemon import FakeContainer, FakeDaemon, docker_daemon, error, frame, hung_up
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, container
from tests.mixins.test_docker_client import client

JOB = ContainerSpec(image="jobs/report:1", command=("report",))
NO_MESSAGE = FakeCurrentMessage()


@dataclass
class Rig:
    """An engine, and containers of it."""

    daemon: FakeDaemon
    containers: ContainerOperationsEngine

    async def running(self) -> str:
        """Return the id of a container that runs."""
        return (await self.containers.run(JOB)).id


@asynccontextmanager
async def rig(message: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object) -> AsyncIterator[Rig]:
    wanted = ModelContainerOperationsSubcontract.model_validate(settings)
    async with docker_daemon() as daemon, client(daemon.host) as docker:
        yield Rig(daemon, ContainerOperationsEngine(wanted, docker, "node_rig_effect", message, SystemClock()))


def scene(
    play: Callable[[Rig], Awaitable[None]], message: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object
) -> None:
    """Run a scene with containers of a node."""

    async def live() -> None:
        async with rig(message, **settings) as made:
            await play(made)

    asyncio.run(live())


def test_its_accessor_returns_one_engine() -> None:
    node = type("NodeRigEffect", (MixinContainerOperations, MixinDockerClient, NodeEffect), {})()
    node.container = container()
    assert isinstance(node.containers, ContainerOperationsEngine)


def test_a_repeated_command_changes_nothing_and_returns_the_same() -> None:
    async def play(made: Rig) -> None:
        first = await made.containers.run(JOB)
        assert (first.state, first.is_running, first.name[:5]) == ("running", True, "onex-")
        assert await made.containers.run(JOB) == first
        made.daemon.containers[first.id].state = "exited"
        assert (await made.containers.run(JOB)).state == "exited"
        assert made.daemon.containers[first.id].starts == 1
        other = await made.containers.run(JOB.model_copy(update={"command": ("other",)}))
        assert other.id != first.id
        named = await made.containers.create(JOB, key="second report")
        assert len(made.daemon.containers) == 3
        assert await made.containers.create(JOB, key="second report") == named
        assert made.containers.reported_metrics() == {"created": 3.0, "repeated": 3.0}

    scene(play)


def test_the_same_key_from_another_message_names_the_same_container() -> None:
    async def play(made: Rig) -> None:
        first = await made.containers.create(JOB, key="k")
        message = FakeCurrentMessage("m-2")
        other = ContainerOperationsEngine(
            ModelContainerOperationsSubcontract(),
            made.containers._docker,
            "node_rig_effect",
            message,
            SystemClock(),
        )
        assert await other.create(JOB, key="k") == first
        assert (await other.create(JOB)).id != (await made.containers.create(JOB)).id

    scene(play)


def test_a_key_is_for_one_container() -> None:
    async def play(made: Rig) -> None:
        await made.containers.create(JOB, key="k")
        with pytest.raises(RejectedError, match="this key has created another container"):
            await made.containers.create(JOB.model_copy(update={"user": "1000"}), key="k")

    scene(play)


def test_attempts_at_the_same_time_create_one_container() -> None:
    async def play(made: Rig) -> None:
        found = await asyncio.gather(*(made.containers.create(JOB) for _ in range(5)))
        assert len({facts.id for facts in found}) == 1
        assert len(made.daemon.containers) == 1

    scene(play)


def test_a_name_is_in_use_before_its_container_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(made: Rig) -> None:
        first = await made.containers.create(JOB)
        made.daemon.script("GET /containers/json", web.json_response([]))
        made.daemon.script("GET /containers/onex-.*/json", *[error(404, "No such container: x") for _ in "12"])
        assert await made.containers.create(JOB) == first
        made.daemon.script("GET /containers/json", web.json_response([]))
        made.daemon.script("GET /containers/onex-.*/json", error(404, "No such container: x"))
        monkeypatch.setattr("onex.mixins.container_operations.engine._APPEAR_SECONDS", 0.0)
        with pytest.raises(TransientError, match="another attempt creates it"):
            await made.containers.create(JOB)

    scene(play)


def test_without_a_message_each_call_creates_a_container() -> None:
    async def play(made: Rig) -> None:
        first, second = await made.containers.create(JOB), await made.containers.create(JOB)
        assert first.id != second.id
        assert set(first.labels) == {"onex.node", "onex.spec"}
        named = JOB.model_copy(update={"name": "web"})
        assert (await made.containers.create(named)).name == "web"
        with pytest.raises(RejectedError, match="the name web belongs to another container"):
            await made.containers.create(named)

    scene(play, NO_MESSAGE)


def test_a_name_of_another_program_is_refused() -> None:
    async def play(made: Rig) -> None:
        _foreign(made, "web")
        with pytest.raises(RejectedError, match="the name web belongs to another container"):
            await made.containers.create(JOB.model_copy(update={"name": "web"}))
        with pytest.raises(RejectedError, match="no name of a container"):
            await made.containers.create(JOB.model_copy(update={"name": "../web"}))

    scene(play)


def _foreign(made: Rig, name: str, state: str = "running") -> str:
    identity = "f" * 64
    made.daemon.containers[identity] = FakeContainer(identity, name, {"Labels": None}, state)
    return identity


@pytest.mark.enforces("container_operations.containers")
def test_containers_of_other_programs_are_operated_by_name_only() -> None:
    async def refused(made: Rig) -> None:
        _foreign(made, "bank")
        for use in (
            made.containers.start("bank"),
            made.containers.stop("bank"),
            made.containers.restart("f" * 64),
            made.containers.remove("bank", force=True),
            made.containers.exec("bank", ["sh"]),
            anext(made.containers.logs("bank")),
            made.containers.statistics("bank"),
            made.containers.wait("bank"),
            made.containers.health("bank"),
            made.containers.find("bank"),
        ):
            with pytest.raises(RejectedError, match="the container bank belongs to another program"):
                await use
        assert made.daemon.containers["f" * 64].state == "running"
        assert await made.containers.list() == []

    scene(refused)

    async def allowed(made: Rig) -> None:
        identity = _foreign(made, "bank-1")
        assert (await made.containers.stop(identity)).state == "exited"

    scene(allowed, containers=["bank-*"])


def test_names_that_lead_elsewhere_never_reach_the_engine() -> None:
    async def play(made: Rig) -> None:
        for name in ("../images/json", "a/../../info", "x?all=1", ""):
            with pytest.raises(RejectedError, match="no name of a container"):
                await made.containers.find(name)
        assert made.daemon.requests == []

    scene(play)


def _body(spec: ContainerSpec, **settings: object) -> dict[str, object]:
    bodies: list[dict[str, object]] = []

    async def play(made: Rig) -> None:
        facts = await made.containers.create(spec)
        bodies.append(made.daemon.containers[facts.id].body)

    scene(play, CURRENT_MESSAGE, **settings)
    return bodies[0]


@pytest.mark.enforces(
    "container_operations.max_memory_bytes",
    "container_operations.max_cpus",
    "container_operations.max_pids",
    "container_operations.max_log_file_bytes",
    "container_operations.capabilities",
)
def test_a_container_has_limits_and_no_privileges() -> None:
    settings = {
        "max_memory_bytes": 64 * 1024 * 1024,
        "max_cpus": 0.5,
        "max_pids": 7,
        "max_log_file_bytes": 100_000,
        "capabilities": ["NET_BIND_SERVICE"],
    }
    body = _body(JOB, **settings)
    assert body["HostConfig"] == {
        "NetworkMode": "none",
        "Memory": 64 * 1024 * 1024,
        "MemorySwap": 64 * 1024 * 1024,
        "NanoCpus": 500_000_000,
        "PidsLimit": 7,
        "ReadonlyRootfs": False,
        "Mounts": [],
        "Init": True,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "100000", "max-file": "2"}},
        "CapDrop": ["ALL"],
        "CapAdd": ["NET_BIND_SERVICE"],
        "SecurityOpt": ["no-new-privileges:true"],
    }
    less = _body(JOB.model_copy(update={"memory_bytes": 1_000_000, "cpus": 0.25}), **settings)["HostConfig"]
    assert isinstance(less, dict)
    assert (less["Memory"], less["NanoCpus"]) == (1_000_000, 250_000_000)
    for more, text in (
        (
            {"memory_bytes": 65 * 1024 * 1024},
            r"memory_bytes is .* is allowed; container_operations\.max_memory_bytes",
        ),
        ({"cpus": 0.75}, r"cpus is 0\.75, 0\.5 is allowed; container_operations\.max_cpus"),
    ):
        with pytest.raises(RejectedError, match=text):
            _body(JOB.model_copy(update=more), **settings)
    for name in ("ALL", "sys_admin", "A,B"):
        with pytest.raises(ValidationError, match="no single Linux capability"):
            ModelContainerOperationsSubcontract(capabilities=(name,))


def test_a_container_has_what_was_asked_for() -> None:
    probe = HealthProbe(command=("true",), interval_seconds=0.5, timeout_seconds=1, retries=2, start_period_seconds=3)
    spec = ContainerSpec(
        image="jobs/report",
        command=("a", "b"),
        entrypoint=("/bin/run",),
        environment={"TOKEN": "hush"},
        labels={"team": "shop"},
        user="1000",
        workdir="/w",
        read_only=True,
        health=probe,
    )
    assert "hush" not in repr(spec)
    assert {"Cmd", "Entrypoint", "Healthcheck"} & set(_body(ContainerSpec(image="a"))) == set()
    body = _body(spec)
    labels = body.pop("Labels")
    assert isinstance(labels, dict)
    assert (labels["team"], labels["onex.node"]) == ("shop", "node_rig_effect")
    host = body.pop("HostConfig")
    assert isinstance(host, dict)
    assert host["ReadonlyRootfs"] is True
    assert body == {
        "Image": "jobs/report:latest",
        "Env": ["TOKEN=hush"],
        "Cmd": ["a", "b"],
        "Entrypoint": ["/bin/run"],
        "User": "1000",
        "WorkingDir": "/w",
        "Healthcheck": {
            "Test": ["CMD", "true"],
            "Interval": 500_000_000,
            "Timeout": 1_000_000_000,
            "Retries": 2,
            "StartPeriod": 3_000_000_000,
        },
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": {"A=B": "c"}},
        {"environment": {"": "c"}},
        {"labels": {"onex.node": "bank"}},
        {"volumes": {"data": "relative"}},
        {"volumes": {"data": "/a:/b"}},
        {"volumes": {"data": "/"}},
        {"ports": {"http": 80}},
        {"ports": {"0": 80}},
        {"ports": {"65536": 80}},
        {"ports": {"80/sctp": 80}},
        {"ports": {"80": 65_536}},
        {"ports": {"80": -1}},
        {"ports": {"80": 1, "80/tcp": 2}},
        {"devices": ["/dev/mem"]},
    ],
)
def test_a_container_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContainerSpec.model_validate({"image": "a", **wrong})


@pytest.mark.enforces("container_operations.images", "container_operations.require_digest")
def test_images_are_limited() -> None:
    pinned = JOB.model_copy(update={"image": f"jobs/report@sha256:{'a' * 64}"})
    assert _body(pinned, images=["jobs/*"], require_digest=True)["Image"] == f"jobs/report@sha256:{'a' * 64}"
    with pytest.raises(RejectedError, match=r"jobs/report is not allowed; container_operations\.images"):
        _body(JOB, images=["bank/*"])
    with pytest.raises(RejectedError, match="has no digest"):
        _body(JOB, require_digest=True)


@pytest.mark.enforces("container_operations.networks", "container_operations.volumes")
def test_networks_and_volumes_are_allowed_by_name() -> None:
    wanted = ContainerSpec(image="jobs/report:1", network="host", volumes={"data": "/data"})
    host = _body(wanted, networks=["shop", "host"], volumes=["data"])["HostConfig"]
    assert isinstance(host, dict)
    assert host["NetworkMode"] == "host"
    assert host["Mounts"] == [{"Type": "volume", "Source": "data", "Target": "/data"}]
    default = _body(JOB, networks=["shop", "host"])["HostConfig"]
    assert isinstance(default, dict)
    assert default["NetworkMode"] == "shop"
    for network in ("host", "container:bank"):
        with pytest.raises(RejectedError, match="this network is not allowed"):
            _body(JOB.model_copy(update={"network": network}))
    with pytest.raises(RejectedError, match="this volume is not allowed"):
        _body(JOB.model_copy(update={"volumes": {"other": "/data"}}), volumes=["data"])


@pytest.mark.enforces("container_operations.published_ports", "container_operations.publish_address")
def test_ports_are_published_on_this_machine_unless_the_contract_says_otherwise() -> None:
    allowed: dict[str, object] = {"networks": ["shop", "none"], "published_ports": ["0", "8080", "9000-9001"]}
    spec = JOB.model_copy(update={"ports": {"80/tcp": 8080, "53/udp": 9001}})
    body = _body(spec, **allowed)
    assert body["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    host = body["HostConfig"]
    assert isinstance(host, dict)
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "9001"}],
    }
    everywhere = _body(spec, publish_address="0.0.0.0", **allowed)["HostConfig"]
    assert isinstance(everywhere, dict)
    assert everywhere["PortBindings"]["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8080"}]
    for ports, settings, words in (
        ({"80/tcp": 8081}, allowed, r"the port 8081 may not be published; container_operations\.published_ports"),
        ({"80/tcp": 0}, {**allowed, "published_ports": ["8080"]}, "the port 0 may not be published"),
        ({"80/tcp": 8080}, {**allowed, "networks": ["none"]}, "on the network none publishes no ports"),
        ({"80/tcp": 8080}, {**allowed, "networks": ["host"]}, "on the network host publishes no ports"),
    ):
        with pytest.raises(RejectedError, match=words):
            _body(JOB.model_copy(update={"ports": ports}), **settings)
    for wrong in ("http", "8080-", "9-8", "65536", "1-70000", "-1"):
        with pytest.raises(ValidationError, match="are no ports; write them like 8080, 8000-8099 or 0"):
            ModelContainerOperationsSubcontract(published_ports=(wrong,))
    with pytest.raises(ValidationError, match="does not appear to be an IPv4 or IPv6 address"):
        ModelContainerOperationsSubcontract(publish_address="localhost")


def test_the_ports_of_a_running_container_are_known() -> None:
    async def play(made: Rig) -> None:
        spec = ContainerSpec(image="jobs/report:1", ports={"80": 0, "443": 8443})
        job = await made.containers.create(spec)
        assert job.ports == {}
        assert (await made.containers.start(job.id)).ports == {"80/tcp": 40000, "443/tcp": 8443}
        assert (await made.containers.run(spec)).id == job.id, "the same ports are the same container"

    scene(play, networks=["shop"], published_ports=["0", "8443"])


@pytest.mark.enforces(
    "container_operations.host_mounts",
    "container_operations.host_mounts.name",
    "container_operations.host_mounts.source",
    "container_operations.host_mounts.target",
    "container_operations.host_mounts.read_only",
    "container_operations.host_mounts.docker_socket",
    "container_operations.privileged_images",
)
def test_the_machine_is_reached_by_names_of_the_contract_only() -> None:
    mounts = [
        {"name": "data", "source": "/srv/data", "target": "/data"},
        {"name": "out", "source": "/srv/out", "target": "/out", "read_only": False},
    ]
    host = _body(JOB.model_copy(update={"host_mounts": ("data", "out")}), host_mounts=mounts)["HostConfig"]
    assert isinstance(host, dict)
    assert host["Mounts"] == [
        {"Type": "bind", "Source": "/srv/data", "Target": "/data", "ReadOnly": True},
        {"Type": "bind", "Source": "/srv/out", "Target": "/out", "ReadOnly": False},
    ]
    with pytest.raises(RejectedError, match="this mount is not allowed"):
        _body(JOB.model_copy(update={"host_mounts": ("/etc",)}), host_mounts=mounts)
    with pytest.raises(RejectedError, match="jobs/report may not run privileged"):
        _body(JOB.model_copy(update={"privileged": True}), privileged_images=["jobs/other"])
    trusted = _body(JOB.model_copy(update={"privileged": True}), privileged_images=["jobs/report"])["HostConfig"]
    assert isinstance(trusted, dict)
    assert trusted["Privileged"] is True
    assert "CapDrop" not in trusted
    for source in ("/var/run/docker.sock", "/run/../run/docker.sock", "/run", "/var/run/", "/", "/x/docker.sock"):
        socket = {"name": "s", "source": source, "target": "/s"}
        with pytest.raises(ValidationError, match="has the engine's socket; set docker_socket"):
            ModelContainerOperationsSubcontract.model_validate({"host_mounts": [socket]})
        ModelContainerOperationsSubcontract.model_validate({"host_mounts": [{**socket, "docker_socket": True}]})
    with pytest.raises(ValidationError, match="two host_mounts have the same name"):
        ModelContainerOperationsSubcontract.model_validate({"host_mounts": [mounts[0], mounts[0]]})


@pytest.mark.enforces("container_operations.stop_grace_seconds")
def test_a_container_is_started_stopped_and_removed() -> None:
    async def play(made: Rig) -> None:
        made_facts = await made.containers.create(JOB)
        assert (await made.containers.find(made_facts.id)) == made_facts
        assert (await made.containers.start(made_facts.name)).is_running
        assert (await made.containers.start(made_facts.name)).is_running
        with pytest.raises(RejectedError, match="cannot remove a running container"):
            await made.containers.remove(made_facts.id)
        assert (await made.containers.stop(made_facts.id)).exit_code == 143
        assert made.daemon.requests[-2].endswith("/stop?t=3")
        assert (await made.containers.stop(made_facts.id, grace_seconds=0)).state == "exited"
        assert await made.containers.wait(made_facts.id) == 143
        assert [(summary.name, summary.state) for summary in await made.containers.list()] == [
            (made_facts.name, "exited")
        ]
        assert await made.containers.remove(made_facts.id)
        assert not await made.containers.remove(made_facts.id)
        assert await made.containers.find(made_facts.id) is None
        with pytest.raises(RejectedError, match="No such container"):
            await made.containers.start(made_facts.id)

    scene(play, stop_grace_seconds=3)


def test_a_removal_that_goes_on_is_done() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.script("DELETE .*", error(409, f"removal of container {identity} is already in progress"))
        assert await made.containers.remove(identity)
        assert await made.containers.remove(identity, force=True)

    scene(play)


@pytest.mark.enforces("container_operations.remembered_results")
def test_a_restart_happens_once_for_a_message() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        for _ in range(3):
            assert (await made.containers.restart(identity)).is_running
        assert made.daemon.containers[identity].starts == 2
        made.containers._current_message = FakeCurrentMessage("m-2")
        await made.containers.restart(identity)
        assert made.daemon.containers[identity].starts == 3
        made.containers._current_message = NO_MESSAGE
        for _ in range(2):
            await made.containers.restart(identity, grace_seconds=0)
        assert made.daemon.containers[identity].starts == 5

    scene(play)

    async def forgets(made: Rig) -> None:
        identity = await made.running()
        for key in ("a", "b", "a", "a"):
            await made.containers.exec(identity, ["sh"], key=key)
        assert len(made.daemon.executed) == 3

    scene(forgets, remembered_results=1)


@pytest.mark.enforces("container_operations.max_output_bytes")
def test_a_command_returns_code_and_output() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.output = frame(1, b"out") + frame(2, b"err") + frame(1, b"put")
        made.daemon.exit_code = 3
        result = await made.containers.exec(
            identity, ["sh", "-c", "x"], environment={"A": "b"}, user="1", workdir="/w"
        )
        assert (result.exit_code, result.stdout, result.stderr, result.is_cut) == (3, b"output", b"err", False)
        asked = made.daemon.executed[0]
        assert (asked["Cmd"], asked["Env"], asked["User"]) == (["sh", "-c", "x"], ["A=b"], "1")
        assert (asked["WorkingDir"], asked["Privileged"]) == ("/w", False)
        made.daemon.output = frame(1, b"x" * 30_000) + frame(1, b"tail")
        result = await made.containers.exec(identity, ["sh"])
        assert (len(result.stdout), result.is_cut) == (1_000, True)

    scene(play, max_output_bytes=1_000)


def test_a_command_with_a_key_runs_once_for_a_message() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        first = await made.containers.exec(identity, ["sh"], key="migrate")
        made.daemon.exit_code = 9
        assert await made.containers.exec(identity, ["sh"], key="migrate") is first
        assert (await made.containers.exec(identity, ["sh"])).exit_code == 9
        made.containers._current_message = FakeCurrentMessage("m-2")
        assert (await made.containers.exec(identity, ["sh"], key="migrate")).exit_code == 9
        assert len(made.daemon.executed) == 3

    scene(play)


@pytest.mark.enforces("container_operations.exec_timeout_seconds", "container_operations.wait_timeout_seconds")
def test_what_takes_too_long_counts_as_an_attempt() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.ends = False
        with pytest.raises(CallTimeoutError, match=r"the command has not ended in 0\.03 s"):
            await made.containers.exec(identity, ["sh"])
        with pytest.raises(CallTimeoutError, match=r"the command has not ended in 0\.02 s"):
            await made.containers.exec(identity, ["sh"], seconds=0.02)
        with pytest.raises(CallTimeoutError, match=r"still runs after 0\.04 s"):
            await made.containers.wait(identity)
        with pytest.raises(CallTimeoutError, match=r"still runs after 0\.02 s"):
            await made.containers.wait(identity, seconds=0.02)
        with pytest.raises(CallTimeoutError, match=r"its log has not ended in 0\.04 s"):
            [line async for line in made.containers.logs(identity, follow=True)]
        with pytest.raises(CallTimeoutError, match=r"its log has not ended in 0\.02 s"):
            [line async for line in made.containers.logs(identity, follow=True, seconds=0.02)]

    scene(play, exec_timeout_seconds=0.03, wait_timeout_seconds=0.04)


def test_a_command_in_a_container_that_does_not_run_is_refused() -> None:
    async def play(made: Rig) -> None:
        facts = await made.containers.create(JOB)
        with pytest.raises(RejectedError, match="is not running"):
            await made.containers.exec(facts.id, ["sh"])

    scene(play)


async def _lines(made: Rig, identity: str, **options: object) -> list[LogLine]:
    return [line async for line in made.containers.logs(identity, **options)]  # type: ignore[arg-type]


def test_lines_of_a_log_have_their_stream() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        euro = "€".encode()
        made.daemon.logs = (
            frame(1, b"one\r\ntw")
            + frame(2, b"bad\n")
            + frame(1, b"o\n" + euro[:1])
            + frame(1, euro[1:] + b"\nend")
            + frame(1, b"")
        )
        expected = [
            LogLine("stdout", "one"),
            LogLine("stderr", "bad"),
            LogLine("stdout", "two"),
            LogLine("stdout", "€"),
            LogLine("stdout", "end"),
        ]
        assert await _lines(made, identity) == expected
        assert made.daemon.requests[-1].endswith("/logs?follow=0&stdout=1&stderr=1&tail=all&since=0")
        await _lines(made, identity, stream="stderr", tail=5, since=7)
        assert made.daemon.requests[-1].endswith("/logs?follow=0&stdout=0&stderr=1&tail=5&since=7")
        await _lines(made, identity, stream="stdout")
        assert made.daemon.requests[-1].endswith("/logs?follow=0&stdout=1&stderr=0&tail=all&since=0")
        made.daemon.containers[identity].state = "exited"
        assert await _lines(made, identity, follow=True) == expected
        made.daemon.containers[identity].tty = True
        made.daemon.logs = b"plain\n"
        assert await _lines(made, identity) == [LogLine("stdout", "plain")]
        made.daemon.script("GET /containers/.*/logs", error(404, "No such container: x"))
        with pytest.raises(RejectedError, match="No such container"):
            await _lines(made, identity)

    scene(play)


def test_a_followed_log_ends_with_its_container() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.logs, made.daemon.ends = frame(1, b"one\n"), False
        lines = made.containers.logs(identity, follow=True)
        assert await anext(lines) == LogLine("stdout", "one")
        await made.containers.stop(identity)
        rest = asyncio.ensure_future(anext(lines, None))
        while not rest.done():
            await asyncio.sleep(0)
            made.daemon.ends = True
        assert await rest is None

    scene(play)


@pytest.mark.enforces("container_operations.max_log_bytes", "container_operations.max_line_characters")
def test_logs_are_limited() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.logs = frame(1, b"a" * 25 + b"\nshort\n" + b"b" * 100)
        assert await _lines(made, identity) == [
            LogLine("stdout", "a" * 10, is_cut=True),
            LogLine("stdout", "short"),
            LogLine("stdout", "b" * 8, is_cut=True),
        ]
        made.daemon.logs = frame(1, b"a" * 39 + b"\n") + frame(2, b"x")
        assert await _lines(made, identity) == [
            LogLine("stdout", "a" * 10, is_cut=True),
            LogLine("stdout", "", is_cut=True),
            LogLine("stderr", "", is_cut=True),
        ]
        made.daemon.ends = False
        assert len(await _lines(made, identity, follow=True)) == 3

    scene(play, max_log_bytes=40, max_line_characters=10)


def test_a_log_that_is_left_closes_its_connection() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.logs, made.daemon.ends = frame(1, b"one\ntwo\n"), False
        async with aclosing(made.containers.logs(identity, follow=True)) as lines:
            assert await anext(lines) == LogLine("stdout", "one")

    scene(play)


@pytest.mark.parametrize("logs", [frame(1, b"one\n")[:-2], frame(1, b"one\n") + b"\x01\x00"])
def test_a_log_that_is_cut_off_is_an_outage(logs: bytes) -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.logs = logs
        with pytest.raises(OutageError, match="the engine ended the stream in the middle"):
            await _lines(made, identity)

    scene(play)


def test_a_followed_log_that_ends_before_its_container_is_an_outage() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        made.daemon.logs = frame(1, b"one\n")
        with pytest.raises(OutageError, match="the engine ended the stream of its log"):
            await _lines(made, identity, follow=True)

        async def cut(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            assert request.transport is not None
            request.transport.close()
            return response

        made.daemon.script("GET /containers/.*/logs", cut)
        with pytest.raises(OutageError, match="ClientPayloadError"):
            await _lines(made, identity)

    scene(play)


def test_the_rest_of_a_character_is_not_lost() -> None:
    cutter = LineCutter("stdout", 10)
    assert list(cutter.feed(b"a\xe2\x82")) == []
    assert list(cutter.end()) == [LogLine("stdout", "a\ufffd")]
    assert list(LineCutter("stdout", 10).end()) == []


def test_statistics_are_figures() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        assert await made.containers.statistics(identity) == ContainerStatistics(1.0, 800, 5000, 2, 8, 9, 3, 4)
        await made.containers.stop(identity)
        assert await made.containers.statistics(identity) == ContainerStatistics(0.0, 0, 0, 0, 0, 0, 0, 0)

    scene(play)


def test_the_health_of_a_container_has_its_last_output() -> None:
    async def play(made: Rig) -> None:
        identity = await made.running()
        assert await made.containers.health(identity) == ContainerHealth(EnumContainerHealth.NONE, 0, "", True)
        log = [{"Output": "fine"}, {"Output": "x" * 5_000 + "refused"}]
        made.daemon.containers[identity].health = {"Status": "unhealthy", "FailingStreak": 4, "Log": log}
        health = await made.containers.health(identity)
        assert (health.status, health.failures, len(health.output)) == (EnumContainerHealth.UNHEALTHY, 4, 1_000)
        assert health.output.endswith("refused")

    scene(play)


def test_a_wait_for_health_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.mixins.container_operations.engine._HEALTH_SECONDS", 0.001)

    async def play(made: Rig) -> None:
        identity = await made.running()
        job = made.daemon.containers[identity]
        with pytest.raises(RejectedError, match="has no check; set `health` of its ContainerSpec"):
            await made.containers.wait_healthy(identity)
        job.health = {"Status": "starting", "FailingStreak": 0, "Log": None}
        with pytest.raises(CallTimeoutError, match=r"is not healthy after 0\.05 s"):
            await made.containers.wait_healthy(identity, seconds=0.05)
        waiting = asyncio.create_task(made.containers.wait_healthy(identity))
        looks = len(made.daemon.requests)
        while len(made.daemon.requests) < looks + 3:
            await asyncio.sleep(0)
        assert not waiting.done()
        job.health = {"Status": "healthy", "FailingStreak": 0, "Log": None}
        assert (await waiting).status is EnumContainerHealth.HEALTHY
        job.state = "exited"
        with pytest.raises(TransientError, match="does not run"):
            await made.containers.wait_healthy(identity)
        job.state = "running"
        job.health = {"Status": "unhealthy", "FailingStreak": 3, "Log": [{"Output": "no\nroute"}]}
        with pytest.raises(TransientError, match="is unhealthy after 3 failures: no route"):
            await made.containers.wait_healthy(identity)

    scene(play)


def test_an_engine_that_goes_away_is_an_outage_in_every_call() -> None:
    async def play(made: Rig) -> None:
        identity, containers = await made.running(), made.containers
        path = f"/containers/{identity}"
        uses: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("POST /containers/create", lambda: containers.create(JOB, key="other")),
            (f"POST {path}/start", lambda: containers.start(identity)),
            (f"POST {path}/stop", lambda: containers.stop(identity)),
            (f"POST {path}/restart", lambda: containers.restart(identity)),
            (f"DELETE {path}", lambda: containers.remove(identity, force=True)),
            (f"POST {path}/exec", lambda: containers.exec(identity, ["sh"])),
            (r"POST /exec/\d+/start", lambda: containers.exec(identity, ["sh"])),
            (r"GET /exec/\d+/json", lambda: containers.exec(identity, ["sh"])),
            (f"GET {path}/logs", lambda: anext(containers.logs(identity))),
            (f"GET {path}/stats", lambda: containers.statistics(identity)),
            (f"POST {path}/wait", lambda: containers.wait(identity)),
            (f"GET {path}/json", lambda: containers.find(identity)),
            ("GET /containers/json", lambda: containers.list()),
        ]
        for line, use in uses:
            made.daemon.script(line, *[hung_up] * 2)  # aiohttp repeats a GET on a connection that was closed
            with pytest.raises(OutageError):
                await use()
            made.daemon.scripted.clear()
        assert made.daemon.containers[identity].state == "running"

    scene(play)
