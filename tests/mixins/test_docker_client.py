"""MixinDockerClient, with a small engine."""

import asyncio
import gc
import re
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import ValidationError

from onex.capability import SharedResources
from onex.errors import CompositionError, ConfigurationError, OutageError, RejectedError, TransientError
from onex.mixins.docker_client import DockerVersion, MixinDockerClient, ModelDockerClientSubcontract
from onex.mixins.docker_client.endpoint import endpoint_of
from onex.mixins.docker_client.engine import DockerClientEngine
from onex.mixins.docker_client.failures import ConflictError, NotFoundError
from onex.mixins.docker_client.names import ImageReference, checked_container, image_permitted
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from onex.util.clock import ProtocolClock, SystemClock
from tests.mixins.certificates import Authority
from tests.mixins.docker_daemon import FakeDaemon, docker_daemon, error, hung_up
from tests.mixins.helpers import container, mute_server


@asynccontextmanager
async def client(
    host: str, environment: Mapping[str, str] | None = None, clock: ProtocolClock | None = None, **settings: object
) -> AsyncIterator[DockerClientEngine]:
    """Return an open engine."""
    wanted = ModelDockerClientSubcontract.model_validate({"host": host, **settings})
    engine = DockerClientEngine(wanted, environment or {}, clock or SystemClock(), SharedResources())
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


def served(scene: Callable[[FakeDaemon], object]) -> None:
    """Run a scene with an engine. Nothing stays open behind it."""

    async def live() -> None:
        async with docker_daemon() as daemon:
            await scene(daemon)  # type: ignore[misc]

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(live())
        gc.collect()


def test_its_accessor_returns_one_engine() -> None:
    node = type("NodeRigEffect", (MixinDockerClient, NodeEffect), {})()
    node.container = container()
    assert isinstance(node.docker, DockerClientEngine)
    assert node.docker is node.docker


@pytest.mark.enforces("docker_client.host")
def test_the_engine_is_asked_for_its_version() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client(daemon.host) as docker:
            assert docker.endpoint == daemon.host
            assert await docker.version() == DockerVersion("20.10.24", "1.41", "1.12", "1.41", "linux", "")
            assert daemon.requests == ["GET /version", "GET /v1.41/version", "GET /v1.41/version"]
            await docker.version()
            assert daemon.requests[3:] == ["GET /v1.41/version"]
            assert docker.reported_metrics() == {"calls": 2.0, "failed": 0.0, "streams": 0.0}

    served(scene)


def test_the_environment_names_the_engine() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client("", {"DOCKER_HOST": daemon.host}) as docker:
            assert (await docker.version()).engine == "20.10.24"

    served(scene)
    assert str(endpoint_of("", "", {}, allow_plain_tcp=False)) == "unix:///var/run/docker.sock"
    with pytest.raises(ConfigurationError, match=r"DOCKER_HOST: it is no address of an engine; write unix:///path"):
        endpoint_of("", "", {"DOCKER_HOST": "http//x"}, allow_plain_tcp=False)


@pytest.mark.parametrize(
    "host", ["http//x", "unix://relative", "tcp://host", "tcp://host:no", "tcp://u@h:1", "tcp://h:1/p", "ssh://h:1"]
)
def test_an_address_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="no address of an engine"):
        ModelDockerClientSubcontract(host=host)


@pytest.mark.enforces("docker_client.allow_plain_tcp")
def test_tcp_without_tls_is_for_this_machine_alone() -> None:
    for host in ("tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375"):
        assert endpoint_of(host, "", {}, allow_plain_tcp=False).url == f"http{host.removeprefix('tcp')}"
    for host in ("tcp://10.0.0.1:2375", "tcp://docker.example.org:2375"):
        with pytest.raises(ConfigurationError, match=r"makes everyone on the network root; set tls_folder"):
            endpoint_of(host, "", {}, allow_plain_tcp=False)
        assert str(endpoint_of(host, "", {}, allow_plain_tcp=True)) == host
    with pytest.raises(ConfigurationError, match="is https, and there are no certificates"):
        endpoint_of("https://10.0.0.1:2376", "", {}, allow_plain_tcp=True)


def test_the_environment_has_certificates() -> None:
    tcp = "tcp://10.0.0.1:2376"
    found = endpoint_of(tcp, "", {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}, allow_plain_tcp=False)
    assert (found.tls_folder, found.url) == ("/certs", "https://10.0.0.1:2376")
    assert endpoint_of(tcp, "", {"DOCKER_TLS_VERIFY": "1"}, allow_plain_tcp=False).tls_folder.endswith("/.docker")
    with pytest.raises(ConfigurationError, match="TCP without TLS"):
        endpoint_of(tcp, "", {"DOCKER_TLS_VERIFY": "0", "DOCKER_CERT_PATH": "/certs"}, allow_plain_tcp=False)


@pytest.mark.enforces("docker_client.tls_folder")
def test_tls_verifies_the_engine_and_shows_a_certificate(tmp_path: Path) -> None:
    good, evil = Authority(tmp_path, "good"), Authority(tmp_path, "evil")
    server_key, server_certificate = good.server("localhost")
    for name, issuer in (("good", good), ("evil", evil)):
        key, certificate = issuer.issue([x509.DNSName("node")], ExtendedKeyUsageOID.CLIENT_AUTH)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "ca.pem").write_bytes(issuer.file.read_bytes())
        (folder / "cert.pem").write_bytes(certificate)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))

    async def scene(daemon: FakeDaemon) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(good.file))
        context.load_cert_chain(server_certificate, server_key)
        context.verify_mode = ssl.CERT_REQUIRED
        server = web.Server(daemon.handle)  # type: ignore[arg-type]  # its requests are of this class
        runner = web.ServerRunner(server, handle_signals=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        host = f"tcp://localhost:{runner.addresses[0][1]}"
        async with client(host, tls_folder=str(tmp_path / "good")) as docker:
            assert (await docker.version()).engine == "20.10.24"
        async with client(host, tls_folder=str(tmp_path / "evil")) as docker:
            with pytest.raises(OutageError, match="no connection"):
                await docker.version()
        async with client(host) as docker:
            with pytest.raises(OutageError):
                await docker.version()
        await runner.cleanup()

    served(scene)


def test_certificates_that_are_missing_are_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(ConfigurationError, match=r"docker_client\.tls_folder: .*No such file.*must have ca\.pem"):
            async with client("tcp://10.0.0.1:1", tls_folder=str(tmp_path)):
                pass

    asyncio.run(scene())


def test_before_it_is_open_it_says_so() -> None:
    engine = DockerClientEngine(ModelDockerClientSubcontract(), {}, ManualClock(), SharedResources())
    asyncio.run(engine.close())
    with pytest.raises(CompositionError, match="start the node first"):
        _ = engine.endpoint


def test_engines_of_one_configuration_share_a_connection() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client(daemon.host) as first, client(daemon.host) as second:
            async with client(daemon.host, max_connections=3) as third:
                async with first.call("a") as one, second.call("b") as two, third.call("c") as three:
                    assert one is two
                    assert one is not three
            assert three.session.closed
            await second.close()
            assert not one.session.closed
            assert (await first.version()).api == "1.41"
        assert one.session.closed

    served(scene)


def test_an_engine_that_is_away_is_an_outage_and_comes_back_with_another_version() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client(daemon.host) as docker:
            await docker.version()
            hidden = daemon.socket.rename(daemon.socket.with_name("hidden"))
            daemon.script("GET /version", hung_up, hung_up)
            with pytest.raises(OutageError, match=rf"Docker at {re.escape(daemon.host)}: no connection \(version\)"):
                await docker.version()
            with pytest.raises(OutageError, match="no connection"):
                await docker.version()
            hidden.rename(daemon.socket)
            daemon.version["ApiVersion"] = "1.40"
            assert (await docker.version()).api == "1.40"
            assert docker.reported_metrics()["failed"] == 2.0

    served(scene)


@pytest.mark.enforces("docker_client.timeout_seconds", "docker_client.connect_timeout_seconds")
def test_an_engine_that_is_silent_is_an_outage() -> None:
    async def scene() -> None:
        async with mute_server() as port, client(f"tcp://127.0.0.1:{port}", timeout_seconds=0.05) as docker:
            with pytest.raises(OutageError, match=r"no reply within 0\.05 s \(version\)"):
                await docker.version()
            with pytest.raises(OutageError, match=r"no reply within 0\.01 s \(fast\)"):
                async with docker.call("fast", 0.01):
                    pass
            with pytest.raises(OutageError, match=r"no reply \(stream\)"):
                async with docker.stream("stream"):
                    pass

    asyncio.run(scene())

    async def crowded(daemon: FakeDaemon) -> None:
        async with client(daemon.host, max_connections=1, connect_timeout_seconds=0.5) as docker:
            async with docker.stream("one"):
                with pytest.raises(OutageError, match=r"no reply \(two\)"):
                    async with docker.stream("two"):
                        pass
                assert docker.reported_metrics()["streams"] == 1.0
            async with docker.stream("three"):
                pass

    served(crowded)


@pytest.mark.enforces("docker_client.max_connections")
def test_connections_are_limited() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        open_now, most, released = 0, 0, asyncio.Event()

        async def held(_: web.Request) -> web.StreamResponse:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await released.wait()
            open_now -= 1
            return web.json_response(daemon.version)

        async with client(daemon.host, max_connections=2) as docker, client(daemon.host) as other:
            await asyncio.gather(docker.version(), other.version())
            daemon.script("GET /version", *[held] * 6)
            calls = asyncio.gather(*(docker.version() for _ in range(6)))
            while open_now < 2:
                await asyncio.sleep(0.001)
            async with other.call("a request that comes later than a third would") as connection:
                await connection.containers.list(all=True)
            released.set()
            await calls
        assert most == 2

    served(scene)


@pytest.mark.enforces("docker_client.api_version")
def test_a_version_of_the_api_can_be_required() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client(daemon.host, api_version="1.30") as docker:
            assert (await docker.version()).api == "1.30"
            assert daemon.requests[-1] == "GET /v1.30/version"
        for wanted in ("1.42", "1.2"):
            async with client(daemon.host, api_version=wanted) as docker:
                with pytest.raises(OutageError, match=rf"has API 1\.12 to 1\.41, not {wanted}; change docker_client"):
                    await docker.version()
        daemon.version["ApiVersion"] = "1.99"
        async with client(daemon.host) as docker:
            version = await docker.version()
            assert (version.api, version.max_api) == ("1.51", "1.99")

    served(scene)
    with pytest.raises(ValidationError, match="api_version"):
        ModelDockerClientSubcontract(api_version="2")


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "bad parameter", RejectedError),
        (401, "who are you", OutageError),
        (403, "plugin denies", OutageError),
        (404, "No such container: x", NotFoundError),
        (409, "name in use", ConflictError),
        (429, "too many", OutageError),
        (500, "something broke", TransientError),
        (500, "Get https://r/v2/: dial tcp: connection refused", OutageError),
        (500, "write /data: no space left on device", OutageError),
        (500, "Get https://r/v2/: unauthorized: authentication required", OutageError),
        (500, "No such image: x", NotFoundError),
        (503, "starting", OutageError),
    ],
)
def test_what_the_engine_replies_decides_about_the_message(status: int, text: str, expected: type) -> None:
    async def scene(daemon: FakeDaemon) -> None:
        daemon.script("GET /info", error(status, text))
        async with client(daemon.host) as docker:
            with pytest.raises(expected) as caught:
                async with docker.call("thing") as api:
                    await api.system.info()
            assert type(caught.value) is expected
            assert "thing" in str(caught.value)

    served(scene)


def test_a_damaged_reply_may_pass() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        async with client(daemon.host) as docker:
            daemon.script(
                "GET /version", web.json_response({"ApiVersion": "1.41"}), web.json_response({"ApiVersion": "x"})
            )
            with pytest.raises(TransientError, match="the reply is not understood"):
                await docker.version()
            await docker.version()
            daemon.script("GET /version", web.Response(body=b"{", content_type="application/json"))
            with pytest.raises(TransientError, match="a damaged reply"):
                await docker.version()
            cut = web.Response(body=b"{}", headers={"content-encoding": "gzip"}, content_type="application/json")
            daemon.script("GET /version", cut)
            with pytest.raises(OutageError, match="ContentEncodingError|ClientPayloadError"):
                await docker.version()

    served(scene)


def test_a_long_text_of_the_engine_is_cut_and_has_no_credentials() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        daemon.script("GET /info", error(400, "https://ann:hush@registry/ \n" + "x" * 10_000))
        async with client(daemon.host) as docker:
            with pytest.raises(RejectedError) as caught:
                async with docker.call("thing") as api:
                    await api.system.info()
            assert len(str(caught.value)) < 400
            assert "hush" not in str(caught.value)

    served(scene)


def _event(action: str) -> dict[str, object]:
    actor = {"ID": "c1", "Attributes": {"name": "web"}}
    return {"Type": "container", "Action": action, "Actor": actor, "time": 1, "timeNano": 1_500_000_000}


@pytest.mark.enforces("docker_client.max_events")
def test_events_are_limited_in_time_and_number() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        daemon.events = [_event(action) for action in ("create", "start", "die")]
        daemon.ends = False
        async with client(daemon.host) as docker:
            found = [event async for event in docker.events({"type": ["container"]}, seconds=2, since=1.5)]
            assert [event.action for event in found] == ["create", "start", "die"]
            assert (found[0].type, found[0].id, found[0].attributes, found[0].time_ms) == (
                "container",
                "c1",
                {"name": "web"},
                1500,
            )
            assert "since=1.500000000" in daemon.requests[-1]
            assert "%7B%22type%22:+%5B%22container%22%5D%7D" in daemon.requests[-1]
        async with client(daemon.host, max_events=2) as docker:
            found = [event async for event in docker.events(seconds=60)]
            assert [event.action for event in found] == ["create", "start"]
            async with aclosing(docker.events(seconds=60)) as left:
                assert (await anext(left)).action == "create"
            assert docker.reported_metrics()["streams"] == 0.0

    served(scene)


@pytest.mark.enforces("docker_client.max_line_bytes")
def test_a_stream_of_events_that_ends_is_an_outage() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        daemon.events = [_event("create")]
        async with client(daemon.host) as docker:
            with pytest.raises(OutageError, match="the engine ended the stream"):
                assert len([event async for event in docker.events(seconds=60)]) == 1
            daemon.script("GET /events", error(400, "bad filter"))
            with pytest.raises(RejectedError, match="bad filter"):
                await anext(docker.events(seconds=60))
        daemon.events, daemon.ends = [_event("x" * 100_000)], False
        async with client(daemon.host, max_line_bytes=64 * 1024) as docker:
            with pytest.raises(TransientError, match="above max_line_bytes"):
                await anext(docker.events(seconds=60))
        async with client(daemon.host) as docker:
            async with aclosing(docker.events(seconds=60)) as events:
                assert len((await anext(events)).action) == 100_000

    served(scene)


def test_many_events_wait_in_the_engine() -> None:
    async def scene(daemon: FakeDaemon) -> None:
        daemon.events, daemon.ends = [_event("create")] * 500, False
        async with client(daemon.host, max_events=500) as docker:
            assert len([event async for event in docker.events(seconds=60)]) == 500

    served(scene)


@pytest.mark.parametrize(
    ("text", "registry", "path", "suffix", "full_name"),
    [
        ("box", "", "box", ":latest", "docker.io/library/box"),
        ("jobs/report:2", "", "jobs/report", ":2", "docker.io/jobs/report"),
        ("localhost/box:1", "localhost", "box", ":1", "localhost/box"),
        ("127.0.0.1:5000/a/b:v1.2", "127.0.0.1:5000", "a/b", ":v1.2", "127.0.0.1:5000/a/b"),
        ("registry:5000/a", "registry:5000", "a", ":latest", "registry:5000/a"),
        (f"r.example.org/a@sha256:{'a' * 64}", "r.example.org", "a", f"@sha256:{'a' * 64}", "r.example.org/a"),
        (f"a:1@sha256:{'a' * 64}", "", "a", f"@sha256:{'a' * 64}", "docker.io/library/a"),
    ],
)
def test_references_of_images_have_parts(text: str, registry: str, path: str, suffix: str, full_name: str) -> None:
    found = ImageReference.parse(text)
    assert (found.registry, found.path, found.suffix, found.full_name) == (registry, path, suffix, full_name)
    assert found.host == (registry or "docker.io")
    assert str(found) == f"{found.name}{suffix}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "a b",
        "../x",
        "a/../b",
        "a?x=1",
        "a:",
        "a:-1",
        "a@",
        "a@sha256:12",
        f"a@md5:{'a' * 64}",
        "a" * 500,
        "a//b",
    ],
)
def test_text_that_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(RejectedError, match="no reference of an image"):
        ImageReference.parse(text)


@pytest.mark.parametrize("text", ["", "../json", "a/b", "a?x", "-a", "a" * 129, "a\n"])
def test_text_that_is_no_name_of_a_container_is_refused(text: str) -> None:
    with pytest.raises(RejectedError, match="no name of a container"):
        checked_container(text)


def test_images_are_permitted_by_name_and_digest() -> None:
    reference = ImageReference.parse("jobs/report:1")
    image_permitted(reference, ["jobs/*"], require_digest=False, field="f")
    with pytest.raises(RejectedError, match=r"jobs/report is not allowed; f in the contract"):
        image_permitted(reference, ["other/*"], require_digest=False, field="f")
    with pytest.raises(RejectedError, match=r"jobs/report:1 has no digest; write jobs/report@sha256"):
        image_permitted(reference, ["*"], require_digest=True, field="f")
