"""Containers and images of a real Docker engine, and a real registry with credentials."""

import asyncio
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from onex.capability import SharedResources
from onex.errors import CallTimeoutError, OutageError, RejectedError, TransientError
from onex.local.properties import free_port
from onex.mixins.container_operations import (
    ContainerSpec,
    EnumContainerHealth,
    HealthProbe,
    LogLine,
    ModelContainerOperationsSubcontract,
)
from onex.mixins.container_operations.engine import ContainerOperationsEngine
from onex.mixins.docker_client import ModelDockerClientSubcontract
from onex.mixins.docker_client.engine import DockerClientEngine
from onex.mixins.docker_health_check import ModelDockerHealthCheckSubcontract
from onex.mixins.docker_health_check.engine import DockerHealthCheckEngine
from onex.mixins.image_management import ImageProgress, ModelImageManagementSubcontract
from onex.mixins.image_management.engine import ImageManagementEngine
from onex.util.clock import SystemClock
from tests.conftest import eventually
from tests.mixins.helpers import FakeCurrentMessage

# htpasswd lines of the registry: bcrypt of the password "pw", which is as public as this file.
HTPASSWD = "ann:$2b$04$EWnl4TB/xo.VYRNbKfIaOeVSRBmbVtjM3Evp2qU/NogXH12DNNVQu\n"
BOX = "box:1"
NODE = "node_rig_effect"


def program(name: str, package: str) -> str:
    """Path of a program of Debian."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: apt-get install {package}"
    return found


class Engine:
    """A Docker engine in a folder of its own, without networks."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onex-dockerd-"))
        self.host = f"unix://{self.folder}/docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self.folder
        command = [
            program("dockerd", "docker.io"),
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
            f"--host={self.host}",
            "--iptables=false",
            "--bridge=none",
            "--storage-driver=vfs",
        ]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self.responds, 60, what="the Docker engine to start")

    def responds(self) -> bool:
        async def ask() -> bool:
            async with aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(f"{self.folder}/docker.sock")
            ) as session:
                try:
                    return (await session.get("http://docker/_ping")).ok
                except aiohttp.ClientError:
                    return False

        return asyncio.run(ask())

    def kill(self) -> None:
        """End the engine by force. Its containerd ends with it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        child = self.folder / "exec" / "containerd" / "containerd.pid"
        if child.exists():
            _ended(int(child.read_text()))
            child.unlink()  # it may be a zombie, which the next engine would take for a running one

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)
        data = f"{self.folder}/data"  # each engine mounts it on itself; one that was killed leaves it so
        while any(line.split()[1] == data for line in Path("/proc/mounts").read_text().splitlines()):
            subprocess.run(["umount", data], check=True)
        shutil.rmtree(self.folder)


def _ended(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


async def import_box(engine: Engine) -> None:
    """Make an image of busybox, as ``docker import`` does."""
    busybox = Path(program("busybox", "busybox-static")).read_bytes()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        entry = tarfile.TarInfo("bin/busybox")
        entry.mode, entry.size = 0o755, len(busybox)
        archive.addfile(entry, io.BytesIO(busybox))
        for name in ("sh", "echo", "cat", "sleep", "true", "false", "test"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    connector = aiohttp.UnixConnector(f"{engine.folder}/docker.sock")
    async with aiohttp.ClientSession(connector=connector) as session:
        query = {"fromSrc": "-", "repo": "box", "tag": "1"}
        response = await session.post("http://docker/images/create", params=query, data=file.getvalue())
        assert response.ok, await response.text()
        await response.read()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A Docker engine with one image."""
    made = Engine()
    try:
        made.start()
        asyncio.run(import_box(made))
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Host and port of a registry that wants a password."""
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="onex-registry-"))
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(
        "version: 0.1\n"
        f'storage: {{filesystem: {{rootdirectory: "{folder}/data"}}}}\n'
        f'http: {{addr: "127.0.0.1:{port}"}}\n'
        f'auth: {{htpasswd: {{realm: onex, path: "{folder}/htpasswd"}}}}\n'
    )
    with (folder / "log").open("wb") as log:
        command = [program("docker-registry", "docker-registry"), "serve", str(folder / "config.yml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(lambda: _wants_password(port), 30, what="the registry to start")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _wants_password(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return False


@dataclass
class Rig:
    """The capabilities of one node, for one message."""

    docker: DockerClientEngine
    containers: ContainerOperationsEngine
    images: ImageManagementEngine
    health: DockerHealthCheckEngine
    reports: list[str]


@asynccontextmanager
async def rig(
    engine: Engine,
    message: str,
    *,
    images: Mapping[str, object] | None = None,
    containers: Mapping[str, object] | None = None,
) -> AsyncIterator[Rig]:
    clock, current = SystemClock(), FakeCurrentMessage(message)
    docker = DockerClientEngine(ModelDockerClientSubcontract(host=engine.host), {}, clock, SharedResources())
    reports: list[str] = []

    def report(subject: str, event: str, detail: str) -> None:
        reports.append(event)

    limits = ModelContainerOperationsSubcontract.model_validate(
        {"max_memory_bytes": 32_000_000, **(containers or {})}
    )
    of_images = ModelImageManagementSubcontract.model_validate(images or {})
    await docker.open()
    try:
        yield Rig(
            docker,
            ContainerOperationsEngine(limits, docker, NODE, current, clock),
            ImageManagementEngine(of_images, docker, NODE, current, report),
            DockerHealthCheckEngine(ModelDockerHealthCheckSubcontract(), docker, clock),
            reports,
        )
    finally:
        await docker.close()


def shell(text: str, **more: object) -> ContainerSpec:
    return ContainerSpec.model_validate({"image": BOX, "command": ("sh", "-c", text), **more})


def test_a_container_lives_once_for_its_message(engine: Engine) -> None:
    async def scene() -> None:
        probe = HealthProbe(command=("test", "-e", "/ready"), interval_seconds=0.2, retries=100)
        spec = shell("echo out; echo bad >&2; echo $A; sleep 60", environment={"A": "secret"}, health=probe)
        async with rig(engine, "life") as made:
            containers = made.containers
            began = int(time.time()) - 1
            first, second = await asyncio.gather(containers.run(spec), containers.run(spec))
            assert first.id == second.id
            assert first.is_running
            done = await containers.exec(
                first.id, ["sh", "-c", "echo $B; echo e >&2; exit 3"], environment={"B": "b"}
            )
            assert (done.exit_code, done.stdout, done.stderr) == (3, b"b\n", b"e\n")
            await containers.exec(first.id, ["sh", "-c", "echo x >> /count"], key="once")
            await containers.exec(first.id, ["sh", "-c", "echo x >> /count"], key="once")
            assert (await containers.exec(first.id, ["cat", "/count"])).stdout == b"x\n"
            statistics = await containers.statistics(first.id)
            assert 0 < statistics.memory_bytes < statistics.memory_limit_bytes <= 32_000_000
            assert statistics.pids >= 2
            with pytest.raises(CallTimeoutError, match="has not ended"):
                await containers.exec(first.id, ["sleep", "60"], seconds=0.2)
            await containers.exec(first.id, ["sh", "-c", "echo > /ready"])
            assert (await containers.wait_healthy(first.id)).status is EnumContainerHealth.HEALTHY
            stopped = await containers.stop(first.id, grace_seconds=5)
            assert (stopped.state, stopped.exit_code) == ("exited", 143)
            assert await containers.wait(first.id) == 143
            assert (await containers.run(spec)).state == "exited"
            lines = [line async for line in containers.logs(first.id, follow=True)]
            assert [line for line in lines if line.stream == "stdout"] == [
                LogLine("stdout", "out"),
                LogLine("stdout", "secret"),
            ]
            assert [line for line in lines if line.stream == "stderr"] == [LogLine("stderr", "bad")]
            assert len([line async for line in containers.logs(first.id, tail=1)]) == 1
            filters = {"type": ["container"], "container": [first.id], "event": ["create", "start", "die"]}
            actions = [event.action async for event in made.docker.events(filters, seconds=0.5, since=began)]
            assert actions == ["create", "start", "die"]
        async with rig(engine, "life") as again:
            assert (await again.containers.run(spec)).id == first.id
            assert (await again.containers.start(first.id)).is_running
            assert (await again.containers.restart(first.id, grace_seconds=1)).is_running
            assert [summary.id for summary in await again.containers.list()] == [first.id]
            assert await again.containers.remove(first.id, force=True)
            assert not await again.containers.remove(first.id)

    asyncio.run(scene())


def test_a_container_publishes_ports_on_this_machine(engine: Engine) -> None:
    settings = {"networks": ["jobs"], "published_ports": ["0"]}
    spec = shell("while true; do echo hello | busybox nc -l -p 80; done", ports={"80": 0})

    async def scene() -> None:
        async with rig(engine, "ports", containers=settings) as made:
            async with made.docker.call("network") as api:
                network = await api.networks.create({"Name": "jobs", "Driver": "bridge"})
            job = await made.containers.run(spec)
            assert (await made.containers.run(spec)).ports == job.ports
            async with made.docker.call("ports") as api:
                found = await api.containers.container(job.id).show()
            (binding,) = found["NetworkSettings"]["Ports"]["80/tcp"]
            assert binding == {"HostIp": "127.0.0.1", "HostPort": str(job.ports["80/tcp"])}
            line = b""
            while not line:  # the proxy of the engine accepts before the container does
                reader, writer = await asyncio.open_connection("127.0.0.1", job.ports["80/tcp"])
                line = await reader.readline()
                writer.close()
                await asyncio.sleep(0.02)  # between looks at a condition, not instead of one
            assert line == b"hello\n"
            assert await made.containers.remove(job.id, force=True)
            await network.delete()

    asyncio.run(scene())


def test_a_container_has_no_privileges_and_limits(engine: Engine) -> None:
    async def scene() -> None:
        async with rig(engine, "limits") as made:
            looks = "cat /proc/self/status; echo > /x"
            job = await made.containers.run(shell(looks, read_only=True))
            lines = [line.text async for line in made.containers.logs(job.id, follow=True)]
            facts = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            assert (int(facts["CapEff"], 16), int(facts["CapBnd"], 16), facts["NoNewPrivs"]) == (0, 0, "1")
            assert any("Read-only file system" in line for line in lines)
            ended = await made.containers.find(job.id)
            assert ended is not None
            assert not ended.is_running
            await made.containers.remove(job.id)
            absent = await made.containers.run(ContainerSpec(image=BOX, command=("no-such-program",)))
            assert await made.containers.wait(absent.id) == 127
            with pytest.raises(RejectedError, match="No such image"):
                await made.containers.run(ContainerSpec(image="nobody:1"))
            for summary in await made.containers.list():
                await made.containers.remove(summary.id, force=True)

    asyncio.run(scene())


def of_registry(host: str, **more: object) -> dict[str, object]:
    return {"registries": [{"host": host, "username": "ann", "password": "pw", "push": True, **more}]}


def test_images_travel_with_credentials_and_pinned_digests(engine: Engine, registry: str) -> None:
    image, seen = f"{registry}/box:1", list[ImageProgress]()

    async def scene() -> None:
        async with rig(engine, "travel", images=of_registry(registry)) as made:
            images = made.images
            await images.tag(BOX, image)
            pinned = await images.push(image)
            assert pinned.startswith(f"{registry}/box@sha256:")
            assert await images.push(image) == pinned
            await images.remove(image)
            pulled = await images.pull(pinned, observe=seen.append)
            assert pinned in pulled.digests
            assert seen[-1].text.startswith("Status: ")
            assert (await images.pull(image)).id == pulled.id
            assert made.reports == ["pushed", "pushed", "pulled", "pulled"]
            with pytest.raises(RejectedError, match="not found"):
                await images.pull(f"{registry}/nothing:1")
            job = ContainerSpec(image=pinned, command=("true",))
            async with rig(engine, "pinned", containers={"require_digest": True}) as strict:
                assert await strict.containers.wait((await strict.containers.run(job)).id) == 0
                await strict.containers.remove((await strict.containers.run(job)).id)
        for wrong in ({"password": "no"}, {"username": "", "password": ""}):
            async with rig(engine, "wrong", images=of_registry(registry, **wrong)) as made:
                for use in (made.images.push(image), made.images.pull(image)):
                    with pytest.raises(OutageError, match="refuses the credentials"):
                        await use
        nowhere = f"127.0.0.1:{free_port()}"
        async with rig(engine, "away", images=of_registry(nowhere)) as made:
            await made.images.tag(BOX, f"{nowhere}/box:1")
            for use in (made.images.push(f"{nowhere}/box:1"), made.images.pull(f"{nowhere}/box:2")):
                with pytest.raises(OutageError, match="connection refused"):
                    await use
            await made.images.remove(f"{nowhere}/box:1")

    asyncio.run(scene())


def test_images_are_built_saved_loaded_and_pruned(engine: Engine, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (app / "data").write_text("data")
    (app / "secret").write_text("secret")
    (app / ".dockerignore").write_text("secret\nDockerfile\n.dockerignore\n")

    async def scene() -> None:
        async with rig(engine, "build", images={"context_folder": str(tmp_path)}) as made:
            images = made.images
            built = await images.build("app", "built:1")
            assert (await images.build("app", "built:1")) == built
            archive = b"".join([chunk async for chunk in images.save("built:1")])
            with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
                layers = [name for name in outer.getnames() if name.endswith("layer.tar")]
                content = b"".join(file.read() for name in layers if (file := outer.extractfile(name)))
            assert b"data" in content
            assert b"secret" not in content
            assert await images.remove("built:1")
            assert await images.find("built:1") is None
            (loaded,) = await images.load(archive)
            assert loaded.id == built.id
            await images.build({"Dockerfile": b"FROM scratch\nCOPY a /a\n", "a": b"1"}, "built:1")
            assert (await images.prune()).removed >= 1
            assert await images.find("built:1") is not None
            await images.prune(unused=True)
            assert await images.find("built:1") is None
            assert await images.find(BOX) is not None
            for text, expected in (
                (b"FROM scratch\nCOPY nothing /\n", RejectedError),
                (b"FROM scratch\nNONSENSE\n", RejectedError),
                (b"FROM box:1\nRUN false\n", TransientError),
            ):
                with pytest.raises(expected):
                    await images.build({"Dockerfile": text}, "built:2")
            assert (await made.health.disk()).images > 1_000_000

    asyncio.run(scene())


def test_an_engine_that_is_killed_is_an_outage_and_recovers(engine: Engine) -> None:
    async def scene() -> None:
        async with rig(engine, "killed") as made:
            job = await made.containers.create(shell("echo on; sleep 60"))
            await made.containers.start(job.id)
            assert await made.health.look() == ""

            async def follow() -> None:
                async for _ in made.containers.logs(job.id, follow=True):
                    following.set()

            following = asyncio.Event()
            waiting = [
                asyncio.create_task(follow()),
                asyncio.create_task(made.containers.wait(job.id)),
                asyncio.create_task(made.containers.exec(job.id, ["sleep", "60"])),
            ]
            await following.wait()
            await asyncio.to_thread(engine.kill)
            for failed in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(failed, OutageError), failed
            with pytest.raises(OutageError, match="no connection"):
                await made.containers.find(job.id)
            assert "no connection" in await made.health.look()
            await asyncio.to_thread(engine.start)
            assert await made.health.look() == ""
            again = await made.containers.create(shell("echo on; sleep 60"))
            assert again.id == job.id
            assert await made.containers.remove(job.id, force=True)

    asyncio.run(scene())
