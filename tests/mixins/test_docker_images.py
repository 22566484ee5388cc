"""MixinImageManagement, with a small engine. tests/backends has a real one, and a real registry."""

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from pydantic import ValidationError

from onex.capability.reports import CapabilityReport, Reports
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.docker_client import MixinDockerClient
from onex.mixins.image_management import (
    ImageProgress,
    MixinImageManagement,
    ModelImageManagementSubcontract,
    ModelRegistry,
    PruneFacts,
)
from onex.mixins.image_management.engine import ImageManagementEngine
from onex.node import NodeEffect
from tests.mixins.docker_daemon import DIGEST, FakeDaemon, docker_daemon, error, hung_up, lines
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, container
from tests.mixins.test_docker_client import client

REGISTRY = {"host": "r.example.org", "username": "ann", "password": "hush", "push": True}
IMAGE = "r.example.org/jobs/report:1"
PINNED = f"r.example.org/jobs/report@{DIGEST}"
FILES = {"Dockerfile": b"FROM scratch\nCOPY a /a\n", "a": b"1"}


@dataclass
class Rig:
    """An engine, and images of it."""

    daemon: FakeDaemon
    images: ImageManagementEngine
    reports: list[tuple[str, str, str]] = field(default_factory=list)


@asynccontextmanager
async def rig(message: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object) -> AsyncIterator[Rig]:
    wanted = ModelImageManagementSubcontract.model_validate({"registries": [REGISTRY], **settings})
    reports: list[tuple[str, str, str]] = []
    async with docker_daemon() as daemon, client(daemon.host) as docker:

        def report(subject: str, event: str, detail: str) -> None:
            reports.append((subject, event, detail))

        yield Rig(daemon, ImageManagementEngine(wanted, docker, "node_rig_effect", message, report), reports)


def scene(
    play: Callable[[Rig], Awaitable[None]], message: FakeCurrentMessage = CURRENT_MESSAGE, **settings: object
) -> None:
    """Run a scene with images."""

    async def live() -> None:
        async with rig(message, **settings) as made:
            await play(made)

    asyncio.run(live())


def test_its_accessor_returns_one_engine_that_reports_to_the_mesh() -> None:
    node = type("NodeRigEffect", (MixinImageManagement, MixinDockerClient, NodeEffect), {})()
    node.container = container()
    assert isinstance(node.images, ImageManagementEngine)
    node.images._report("jobs/report:1", "built", "sha256:1")
    expected = CapabilityReport("image_management", "jobs/report:1", "built", "sha256:1")
    assert list(node.container.get(Reports).take()) == [expected]


@pytest.mark.enforces(
    "image_management.registries",
    "image_management.registries.host",
    "image_management.registries.username",
    "image_management.registries.password",
)
def test_a_pull_has_credentials_and_progress() -> None:
    async def play(made: Rig) -> None:
        seen: list[ImageProgress] = []
        image = await made.images.pull(IMAGE, observe=seen.append)
        assert image.digests == (PINNED,)
        assert (image.tags, image.size_bytes, dict(image.labels)) == ((IMAGE,), 5, {})
        assert seen[0] == ImageProgress("Downloading", "abc", 1, 2)
        assert seen[-1].text.startswith("Status: Downloaded")
        credentials = {"username": "ann", "password": "hush", "serveraddress": "r.example.org"}
        assert json.loads(base64.urlsafe_b64decode(made.daemon.auth[0])) == credentials
        assert made.reports == [(IMAGE, "pulled", image.id)]
        assert made.images.reported_metrics() == {"pulled": 1.0, "pushed": 0.0, "built": 0.0, "repeated": 0.0}
        for use in (made.images.pull, made.images.push):
            with pytest.raises(RejectedError, match=r"docker\.io is no registry of this node"):
                await use("box:1")

    scene(play)
    assert "hush" not in repr(ModelRegistry.model_validate(REGISTRY))
    for wrong, text in (
        ({"password": ""}, "a username or a password, and not both"),
        ({"username": ""}, "a username or a password, and not both"),
        ({"host": "https://r"}, "host"),
        ({"host": "r"}, "host"),
    ):
        with pytest.raises(ValidationError, match=text):
            ModelRegistry.model_validate({**REGISTRY, **wrong})
    with pytest.raises(ValidationError, match="two registries have the same host"):
        ModelImageManagementSubcontract.model_validate({"registries": [REGISTRY, REGISTRY]})


def test_a_registry_without_credentials_gets_none() -> None:
    async def play(made: Rig) -> None:
        await made.images.pull("box")
        assert made.daemon.auth == [""]
        assert "fromImage=docker.io/library/box:latest" in made.daemon.requests[1]

    async def live() -> None:
        async with rig(registries=[{"host": "docker.io"}]) as made:
            made.daemon.image("docker.io/library/box:latest")
            await made.images._docker.version()
            made.daemon.requests[:] = ["", *made.daemon.requests[:0]]
            await play(made)

    asyncio.run(live())


@pytest.mark.enforces("image_management.require_digest")
def test_a_digest_is_pinned() -> None:
    async def play(made: Rig) -> None:
        with pytest.raises(RejectedError, match=r"has no digest; write r\.example\.org/jobs/report@sha256"):
            await made.images.pull(IMAGE)
        image = await made.images.pull(PINNED)
        assert await made.images.pull(PINNED) == image
        assert len(made.daemon.auth) == 1
        with pytest.raises(RejectedError, match="box:1 has no digest"):
            await made.images.build({"Dockerfile": b"FROM box:1\n"}, "jobs/report:1")
        other = f"r.example.org/jobs/report@sha256:{'0' * 64}"
        with pytest.raises(RejectedError, match="another digest arrived"):
            await made.images.pull(other)

    scene(play, require_digest=True)


@pytest.mark.enforces("image_management.images")
def test_images_are_limited() -> None:
    async def play(made: Rig) -> None:
        for use in (
            made.images.pull("r.example.org/bank:1"),
            made.images.push("r.example.org/bank:1"),
            made.images.build(FILES, "bank:1"),
            made.images.build({"Dockerfile": b"FROM bank:1\n"}, "jobs/a:1"),
            anext(made.images.save("bank:1")),
            made.images.load(archive(["bank:1"])),
            made.images.tag("jobs/a:1", "bank:1"),
            made.images.tag("bank:1", "jobs/a:1"),
            made.images.remove("bank:1"),
            made.images.find("bank:1"),
        ):
            with pytest.raises(RejectedError, match=r"bank is not allowed; image_management\.images"):
                await use
        assert made.daemon.requests == []

    scene(play, images=["jobs/*"])


@pytest.mark.enforces("image_management.registries.push")
def test_a_push_returns_the_digest() -> None:
    async def play(made: Rig) -> None:
        assert await made.images.push(IMAGE) == PINNED
        assert made.daemon.requests[-1] == "POST /v1.41/images/r.example.org/jobs/report/push?tag=1"
        assert made.reports == [(IMAGE, "pushed", DIGEST)]
        with pytest.raises(RejectedError, match="a name for an image has a tag"):
            await made.images.push(PINNED)

    scene(play)

    async def refused(made: Rig) -> None:
        with pytest.raises(RejectedError, match=r"may not push to r\.example\.org; set `push`"):
            await made.images.push(IMAGE)

    scene(refused, registries=[{**REGISTRY, "push": False}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unauthorized: authentication required", OutageError),
        ("no basic auth credentials", OutageError),
        ('Get "https://r/v2/": dial tcp 10.0.0.1:443: connect: connection refused', OutageError),
        ("received unexpected HTTP status: 502 Bad Gateway", OutageError),
        ("write /var/lib/docker/tmp: no space left on device", OutageError),
        ("manifest unknown: manifest unknown", RejectedError),
        ("something else", TransientError),
    ],
)
def test_what_a_registry_says_decides_about_the_message(text: str, expected: type[Exception]) -> None:
    async def play(made: Rig) -> None:
        problem = lines({"status": "Waiting"}, {"errorDetail": {"message": text}, "error": text})
        made.daemon.script("POST /images/.*", problem)
        with pytest.raises(expected) as caught:
            await made.images.push(IMAGE)
        assert "hush" not in str(caught.value)
        made.daemon.script("POST /images/create", error(500, text))
        with pytest.raises(expected):
            await made.images.pull(IMAGE)

    scene(play)


def test_an_engine_that_goes_away_in_the_middle_is_an_outage() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"status": "Waiting"}\n')
        assert request.transport is not None
        request.transport.close()
        return response

    async def play(made: Rig) -> None:
        uses: list[Callable[[], Awaitable[object]]] = [
            lambda: made.images.pull(IMAGE),
            lambda: made.images.push(IMAGE),
            lambda: made.images.build(FILES, "jobs/a:1"),
            lambda: made.images.load(archive(["jobs/a:1"])),
        ]
        for use in uses:
            for handler in (cut, lines({"status": "Waiting"}), hung_up):
                made.daemon.script("POST .*", handler)
                with pytest.raises(OutageError):
                    await use()
        assert made.reports == []

    scene(play)


@pytest.mark.enforces("image_management.transfer_timeout_seconds", "image_management.build_timeout_seconds")
def test_a_transfer_that_takes_too_long_is_an_outage() -> None:
    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"status": "Waiting"}\n')
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.001)
        return response

    async def silent(request: web.Request) -> web.StreamResponse:
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.001)
        return web.Response()

    async def play(made: Rig) -> None:
        for use, limit in (
            (made.images.pull(IMAGE), "0.5"),
            (made.images.build(FILES, "jobs/a:1"), "0.6"),
            (made.images.load(archive(["jobs/a:1"])), "0.5"),
        ):
            made.daemon.script("POST .*", stuck)
            with pytest.raises(OutageError, match=f"not done within {limit} s"):
                await use
            assert not made.daemon.scripted, "the engine was asked"
        made.daemon.image("jobs/a:1")
        made.daemon.script("GET /images/jobs/a:1/get", stuck)
        with pytest.raises(OutageError, match="no reply"):
            [chunk async for chunk in made.images.save("jobs/a:1")]
        assert not made.daemon.scripted
        made.daemon.script("POST /images/prune", silent)
        with pytest.raises(OutageError, match=r"no reply within 0\.5 s"):
            await made.images.prune()

    scene(play, transfer_timeout_seconds=0.5, build_timeout_seconds=0.6)


def test_a_repeated_build_changes_nothing_and_returns_the_same() -> None:
    async def play(made: Rig) -> None:
        seen: list[ImageProgress] = []
        image = await made.images.build(FILES, "jobs/a:1", arguments={"A": "b"}, observe=seen.append)
        assert [progress.text for progress in seen] == ["Step 1/1 : FROM scratch"]
        with tarfile.open(fileobj=io.BytesIO(made.daemon.built[0])) as sent:
            assert sent.getnames() == ["Dockerfile", "a"]
        assert "&buildargs=%7B%22A%22:+%22b%22%7D&" in made.daemon.requests[-2].replace("+", "+")
        assert image.labels["onex.node"] == "node_rig_effect"
        assert await made.images.build(FILES, "jobs/a:1", arguments={"A": "b"}) == image
        assert len(made.daemon.built) == 1
        await made.images.build({**FILES, "a": b"2"}, "jobs/a:1", arguments={"A": "b"})
        await made.images.build(FILES, "jobs/a:1", arguments={"A": "c"})
        first = await made.images.build(FILES, "jobs/a:1", key="nightly")
        made.images._current_message = FakeCurrentMessage("m-2")
        assert await made.images.build(FILES, "jobs/a:1", key="nightly") == first
        await made.images.build(FILES, "jobs/a:1", arguments={"A": "b"})
        assert len(made.daemon.built) == 5
        assert made.images.reported_metrics()["repeated"] == 2.0

    scene(play)

    async def without_a_message(made: Rig) -> None:
        for _ in range(2):
            image = await made.images.build(FILES, "jobs/a")
        assert set(image.labels) == {"onex.node"}
        assert len(made.daemon.built) == 2

    scene(without_a_message, FakeCurrentMessage())


def archive(*entries: list[str], manifests: int = 1, mode: str = "w", text: bytes | None = None) -> bytes:
    """Return an archive of images with these tags."""
    content = (
        text if text is not None else json.dumps([{"RepoTags": tags, "Layers": []} for tags in entries]).encode()
    )
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as opened:  # type: ignore[call-overload]  # the mode is a literal there
        opened.addfile(tarfile.TarInfo("layer.tar"))
        for number in range(manifests):
            entry = tarfile.TarInfo("./manifest.json" if number else "manifest.json")
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return file.getvalue()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000):
        yield content[start : start + 1_000]


@pytest.mark.enforces("image_management.max_archive_bytes")
def test_archives_are_saved_and_loaded() -> None:
    async def play(made: Rig) -> None:
        made.daemon.image("jobs/report:1")
        saved = b"".join([chunk async for chunk in made.images.save("jobs/report:1")])
        assert saved == b"archive of jobs/report:1"
        for content in (archive(["jobs/report:1"]), archive([])):
            (image,) = await made.images.load(content)
            assert image.tags == ("jobs/report:1",)
            await made.images.load(_chunks(content))
            assert made.daemon.built[-1] == made.daemon.built[-2] == content
        for too_large in (b"x" * 20_001, _chunks(b"x" * 30_000)):
            with pytest.raises(RejectedError, match="more than 20000 bytes; image_management.max_archive_bytes"):
                await made.images.load(too_large)
        made.daemon.script("GET /images/.*/get", web.Response(body=b"x" * 20_001))
        with pytest.raises(RejectedError, match="more than 20000 bytes"):
            [chunk async for chunk in made.images.save("jobs/report:1")]
        with pytest.raises(RejectedError, match="No such image"):
            await anext(made.images.save("jobs/other:1"))
        async with aclosing(made.images.save("jobs/report:1")) as left:
            await anext(left)

    scene(play, max_archive_bytes=20_000)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no archive", "damaged, compressed"),
        (archive(["jobs/a:1"], mode="w:gz"), "damaged, compressed"),
        (archive(["jobs/a:1"], manifests=0), "0 times manifest.json"),
        (archive(["jobs/a:1"], manifests=2), "2 times manifest.json"),
        (archive(text=b"{}"), "no archive of images"),
        (archive(["../a"]), "no reference of an image"),
    ],
)
def test_an_archive_that_could_name_anything_is_refused(content: bytes, text: str) -> None:
    async def play(made: Rig) -> None:
        with pytest.raises(RejectedError, match=text):
            await made.images.load(content)
        assert made.daemon.requests == []

    scene(play)


def test_an_archive_with_a_folder_as_manifest_or_too_many_entries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as opened:
        entry = tarfile.TarInfo("manifest.json")
        entry.type = tarfile.DIRTYPE
        opened.addfile(entry)

    async def play(made: Rig) -> None:
        with pytest.raises(RejectedError, match="no archive of images"):
            await made.images.load(file.getvalue())
        monkeypatch.setattr("onex.mixins.image_management.archive._MAX_MEMBERS", 1)
        with pytest.raises(RejectedError, match="more than 1 entries"):
            await made.images.load(archive([], manifests=2))

    scene(play)


def test_names_are_given_and_removed() -> None:
    async def play(made: Rig) -> None:
        made.daemon.image("jobs/a:1")
        await made.images.tag("jobs/a:1", "jobs/b")
        assert await made.images.find("jobs/b:latest") is not None
        assert await made.images.remove("jobs/b", force=True)
        assert not await made.images.remove("jobs/b")
        assert await made.images.find("jobs/b:latest") is None
        with pytest.raises(RejectedError, match="a name for an image has a tag"):
            await made.images.tag("jobs/a:1", PINNED)

    scene(play)


@pytest.mark.enforces("image_management.prune_foreign")
def test_own_images_are_pruned() -> None:
    async def play(made: Rig) -> None:
        deleted = [{"Untagged": "a"}, {"Deleted": "sha256:1"}]
        made.daemon.script("POST /images/prune", web.json_response({"ImagesDeleted": deleted, "SpaceReclaimed": 7}))
        assert await made.images.prune(older_than_seconds=60) == PruneFacts(2, 7)
        assert _filters(made) == {"dangling": ["true"], "label": ["onex.node=node_rig_effect"], "until": ["60s"]}
        assert await made.images.prune(unused=True) == PruneFacts(0, 0)
        assert _filters(made) == {"dangling": ["false"], "label": ["onex.node=node_rig_effect"]}

    scene(play)

    async def foreign(made: Rig) -> None:
        await made.images.prune()
        assert _filters(made) == {"dangling": ["true"]}

    scene(foreign, prune_foreign=True)


def _filters(made: Rig) -> object:
    from yarl import URL

    return json.loads(URL(made.daemon.requests[-1].partition(" ")[2]).query["filters"])
