"""A small Docker engine: what capabilities use of its API, over a Unix socket, with containers in memory."""

import asyncio
import json
import re
import shutil
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

DIGEST = f"sha256:{'d' * 64}"
IMAGE_ID = f"sha256:{'e' * 64}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def frame(stream: int, data: bytes) -> bytes:
    """Return bytes of a log or of a command's output, as the engine sends them."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def error(status: int, message: str) -> web.Response:
    """Return the engine's form of an error."""
    return web.json_response({"message": message}, status=status)


def again(response: web.Response) -> web.Response:
    """Return the same response for another request: aiohttp sends a response object once, and hangs then."""
    return web.Response(status=response.status, body=response.body, headers=response.headers)


async def hung_up(request: web.Request) -> web.StreamResponse:
    """End the connection, as an engine does that is killed."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@dataclass
class FakeContainer:
    """A container."""

    id: str
    name: str
    body: dict[str, Any]
    state: str = "created"
    exit_code: int = 0
    starts: int = 0
    health: dict[str, Any] | None = None
    tty: bool = False


@dataclass
class FakeDaemon:
    """The engine. Replies of ``scripted`` come first, each as often as it is listed."""

    socket: Path
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By reference."""
    executed: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    auth: list[str] = field(default_factory=list)
    built: list[bytes] = field(default_factory=list)
    logs: bytes = b""
    output: bytes = b""
    exit_code: int = 0
    ends: bool = True
    """Whether commands and followed logs end."""
    events: list[dict[str, Any]] = field(default_factory=list)
    version: dict[str, str] = field(
        default_factory=lambda: {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux"}
    )
    scripted: list[tuple[re.Pattern[str], Handler | web.Response]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Its address for the configuration."""
        return f"unix://{self.socket}"

    def script(self, pattern: str, *replies: Handler | web.Response) -> None:
        """Reply to the next requests whose ``METHOD path`` matches."""
        self.scripted += [(re.compile(pattern), reply) for reply in replies]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Route a request."""
        path = re.sub(r"^/v\d+\.\d+", "", request.path)
        line = f"{request.method} {path}"
        self.requests.append(f"{request.method} {request.path_qs}")
        for entry in self.scripted:
            if entry[0].fullmatch(line):
                self.scripted.remove(entry)
                return again(entry[1]) if isinstance(entry[1], web.Response) else await entry[1](request)
        for pattern, handler in _ROUTES:
            if found := re.fullmatch(pattern, line):
                return await handler(self, request, *found.groups())
        return error(404, f"page not found: {line}")

    def found(self, name: str) -> FakeContainer | None:
        """Return a container by id or name."""
        return next((c for c in self.containers.values() if name in (c.id, c.name)), None)

    async def get_version(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.version)

    async def create(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("name", f"random-{len(self.containers)}")
        if self.found(name):
            return error(409, f"Conflict. The container name /{name} is already in use")
        made = FakeContainer(f"{len(self.containers) + 0xA00000000000:064x}", name, await request.json())
        self.containers[made.id] = made
        return web.json_response({"Id": made.id}, status=201)

    async def list_containers(self, request: web.Request) -> web.StreamResponse:
        wanted = json.loads(request.query.get("filters", "{}")).get("label", [])
        found = []
        for container in reversed(self.containers.values()):  # the newest first
            labels = container.body.get("Labels") or {}
            if all(labels.get(label.partition("=")[0]) == label.partition("=")[2] for label in wanted):
                entry = {"Id": container.id, "Names": [f"/{container.name}"], "State": container.state}
                found.append({**entry, "Labels": labels})
        return web.json_response(found)

    async def of_container(self, request: web.Request, name: str, verb: str) -> web.StreamResponse:
        container = self.found(name)
        if container is None:
            return error(404, f"No such container: {name}")
        handler: Callable[[FakeContainer, web.Request], Awaitable[web.StreamResponse]] = getattr(self, f"c_{verb}")
        return await handler(container, request)

    async def c_json(self, container: FakeContainer, _: web.Request) -> web.StreamResponse:
        state = {"Status": container.state, "ExitCode": container.exit_code, "OOMKilled": False}
        return web.json_response(
            {
                "Id": container.id,
                "Name": f"/{container.name}",
                "Image": IMAGE_ID,
                "State": {**state, "StartedAt": "2026-01-01T00:00:00Z", "Health": container.health},
                "Config": {"Labels": container.body.get("Labels"), "Tty": container.tty},
                "NetworkSettings": {"Ports": self.published(container)},
            }
        )

    def published(self, container: FakeContainer) -> dict[str, Any] | None:
        """Return the published ports of a container that runs; the engine chooses 40000 for port 0."""
        bindings = container.body.get("HostConfig", {}).get("PortBindings")
        if not bindings or container.state != "running":
            return None
        chosen = {
            port: [{**one, "HostPort": "40000" if one["HostPort"] == "0" else one["HostPort"]} for one in found]
            for port, found in bindings.items()
        }
        return {**chosen, "9/tcp": None}

    async def c_start(self, container: FakeContainer, _: web.Request) -> web.StreamResponse:
        if container.state == "running":
            return web.Response(status=304)
        container.state, container.starts = "running", container.starts + 1
        return web.Response(status=204)

    async def c_stop(self, container: FakeContainer, request: web.Request) -> web.StreamResponse:
        if container.state != "running":
            return web.Response(status=304)
        container.state, container.exit_code = "exited", 143 if request.query["t"] != "0" else 137
        return web.Response(status=204)

    async def c_restart(self, container: FakeContainer, _: web.Request) -> web.StreamResponse:
        container.state, container.starts = "running", container.starts + 1
        return web.Response(status=204)

    async def c_wait(self, container: FakeContainer, _: web.Request) -> web.StreamResponse:
        while container.state == "running":
            await asyncio.sleep(0.001)
        return web.json_response({"StatusCode": container.exit_code})

    async def c_stats(self, container: FakeContainer, _: web.Request) -> web.StreamResponse:
        cpu = {"cpu_usage": {"total_usage": 500}, "system_cpu_usage": 3000, "online_cpus": 4}
        earlier = {"cpu_usage": {"total_usage": 250}, "system_cpu_usage": 2000}
        sample = {
            "cpu_stats": cpu,
            "precpu_stats": earlier,
            "memory_stats": {"usage": 900, "limit": 5000, "stats": {"total_inactive_file": 100}},
            "networks": {"eth0": {"rx_bytes": 7, "tx_bytes": 8}, "eth1": {"rx_bytes": 1, "tx_bytes": 1}},
            "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 3}, {"op": "Write", "value": 4}]},
            "pids_stats": {"current": 2},
        }
        running = container.state == "running"
        return web.json_response(sample if running else {"blkio_stats": {"io_service_bytes_recursive": None}})

    async def c_logs(self, _: FakeContainer, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(self.logs)
        while request.query["follow"] == "1" and not self.ends:
            await asyncio.sleep(0.001)
        return response

    async def c_exec(self, container: FakeContainer, request: web.Request) -> web.StreamResponse:
        if container.state != "running":
            return error(409, f"Container {container.id} is not running")
        self.executed.append({**await request.json(), "polls": 1})
        return web.json_response({"Id": str(len(self.executed) - 1)}, status=201)

    async def start_exec(self, request: web.Request, _: str) -> web.StreamResponse:
        response = web.StreamResponse(status=101, headers={"connection": "Upgrade", "upgrade": "tcp"})
        await response.prepare(request)
        transport = request.transport
        assert transport is not None
        transport.write(self.output)
        while not self.ends:
            await asyncio.sleep(0.001)
        transport.close()
        return response

    async def get_exec(self, _: web.Request, number: str) -> web.StreamResponse:
        command = self.executed[int(number)]
        command["polls"] -= 1
        running = command["polls"] >= 0
        return web.json_response(
            {"Running": running, "ExitCode": None if running else self.exit_code, "ProcessConfig": {"tty": False}}
        )

    async def delete(self, request: web.Request, name: str) -> web.StreamResponse:
        container = self.found(name)
        if container is None:
            return error(404, f"No such container: {name}")
        if container.state == "running" and request.query.get("force") != "1":
            return error(409, "You cannot remove a running container")
        del self.containers[container.id]
        return web.Response(status=204)

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in self.events:
            await response.write(json.dumps(event).encode() + b"\n")
        while not self.ends:
            await asyncio.sleep(0.001)
        return response

    async def get_image(self, _: web.Request, name: str) -> web.StreamResponse:
        found = next((i for ref, i in self.images.items() if name in (ref, i["Id"], *(i["RepoDigests"] or []))), None)
        return web.json_response(found) if found else error(404, f"No such image: {name}")

    def image(self, reference: str, *, labels: Mapping[str, str] | None = None, digest: str = "") -> dict[str, Any]:
        """Add an image."""
        made = {"Id": f"sha256:{len(self.images):064x}", "RepoTags": [reference], "Size": 5}
        made |= {"RepoDigests": [digest] if digest else None, "Config": {"Labels": labels}}
        self.images[reference] = made
        return made

    async def list_images(self, request: web.Request) -> web.StreamResponse:
        wanted = json.loads(request.query["filters"])["label"]
        found = []
        for image in self.images.values():
            labels = image["Config"]["Labels"] or {}
            if all(labels.get(label.partition("=")[0]) == label.partition("=")[2] for label in wanted):
                found.append({"Id": image["Id"]})
        return web.json_response(found)

    async def pull(self, request: web.Request) -> web.StreamResponse:
        self.auth.append(request.headers.get("X-Registry-Auth", ""))
        reference = request.query["fromImage"]
        name = reference.partition("@")[0]
        self.image(reference, digest=f"{name.rpartition(':')[0] if '@' not in reference else name}@{DIGEST}")
        detail = {"current": 1, "total": 2}
        return lines(
            {"status": "Downloading", "progressDetail": detail, "id": "abc"},
            {"status": f"Status: Downloaded newer image for {reference}"},
        )

    async def push(self, request: web.Request, name: str) -> web.StreamResponse:
        self.auth.append(request.headers.get("X-Registry-Auth", ""))
        tag = request.query["tag"]
        return lines({"status": "Pushed", "id": "abc"}, {"aux": {"Tag": tag, "Digest": DIGEST, "Size": 1}})

    async def tag(self, request: web.Request, name: str) -> web.StreamResponse:
        self.images[f"{request.query['repo']}:{request.query['tag']}"] = self.images[name]
        return web.Response(status=201)

    async def delete_image(self, _: web.Request, name: str) -> web.StreamResponse:
        gone = self.images.pop(name, None)
        return web.json_response([{"Untagged": name}]) if gone else error(404, f"No such image: {name}")

    async def build(self, request: web.Request) -> web.StreamResponse:
        self.built.append(await request.read())
        made = self.image(request.query["t"], labels=json.loads(request.query["labels"]))
        return lines({"stream": "Step 1/1 : FROM scratch\n"}, {"stream": "\n"}, {"aux": {"ID": made["Id"]}})

    async def save(self, _: web.Request, name: str) -> web.StreamResponse:
        return web.Response(body=b"archive of " + name.encode(), content_type="application/x-tar")

    async def load(self, request: web.Request) -> web.StreamResponse:
        self.built.append(await request.read())
        self.image("jobs/report:1")
        return lines({"stream": "Loaded image: jobs/report:1\n"})

    async def prune(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ImagesDeleted": None, "SpaceReclaimed": 0})

    async def disk(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "LayersSize": 100,
                "Containers": [{"SizeRw": 10}, {}],
                "Volumes": [{"UsageData": {"Size": -1}}, {"UsageData": {"Size": 5}}, {"UsageData": None}],
                "BuildCache": None,
            }
        )


def lines(*values: Mapping[str, Any]) -> web.Response:
    """Return a stream of progress."""
    return web.Response(body=b"".join(json.dumps(value).encode() + b"\n" for value in values))


_ROUTES: list[tuple[str, Callable[..., Awaitable[web.StreamResponse]]]] = [
    (r"GET /version", FakeDaemon.get_version),
    (r"POST /containers/create", FakeDaemon.create),
    (r"GET /containers/json", FakeDaemon.list_containers),
    (r"\w+ /containers/([^/]+)/(json|start|stop|restart|wait|stats|logs|exec)", FakeDaemon.of_container),
    (r"POST /exec/(\d+)/start", FakeDaemon.start_exec),
    (r"GET /exec/(\d+)/json", FakeDaemon.get_exec),
    (r"DELETE /containers/([^/]+)", FakeDaemon.delete),
    (r"GET /events", FakeDaemon.stream_events),
    (r"GET /images/json", FakeDaemon.list_images),
    (r"POST /images/create", FakeDaemon.pull),
    (r"POST /images/load", FakeDaemon.load),
    (r"POST /images/prune", FakeDaemon.prune),
    (r"POST /images/(.+)/push", FakeDaemon.push),
    (r"POST /images/(.+)/tag", FakeDaemon.tag),
    (r"GET /images/(.+)/json", FakeDaemon.get_image),
    (r"GET /images/(.+)/get", FakeDaemon.save),
    (r"DELETE /images/(.+)", FakeDaemon.delete_image),
    (r"POST /build", FakeDaemon.build),
    (r"GET /system/df", FakeDaemon.disk),
]


@asynccontextmanager
async def docker_daemon() -> AsyncIterator[FakeDaemon]:
    """Start an engine. Its socket is in a folder with a short path, because the kernel limits it."""
    folder = Path(tempfile.mkdtemp(prefix="onex-docker-"))
    daemon = FakeDaemon(folder / "docker.sock")
    server = web.Server(daemon.handle)  # type: ignore[arg-type]  # its requests are of this class
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.01)
    await runner.setup()
    site = web.UnixSite(runner, str(daemon.socket))
    await site.start()
    try:
        yield daemon
    finally:
        await runner.cleanup()
        shutil.rmtree(folder)
