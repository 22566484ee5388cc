"""Moves, builds and removes images."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from aiodocker import Docker
from pydantic import JsonValue
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import OutageError, RejectedError
from onex.mixins.docker_client import ProtocolDockerClient
from onex.mixins.docker_client.failures import NotFoundError
from onex.mixins.docker_client.names import ImageReference, image_permitted
from onex.mixins.image_management.archive import spooled, tags_of, too_large
from onex.mixins.image_management.context import BuildContext, packed
from onex.mixins.image_management.dockerfile import base_images
from onex.mixins.image_management.facts import ImageFacts, PruneFacts
from onex.mixins.image_management.model_image_management_subcontract import ModelImageManagementSubcontract
from onex.mixins.image_management.protocol_image_management import Observe, ProtocolImageManagement
from onex.mixins.image_management.replies import Inspected, Listed, Pruned, Step

LABEL_NODE: Final = "onex.node"
LABEL_KEY: Final = "onex.key"
_CHUNK: Final = 64 * 1024
_SPOOL_BYTES: Final = 4 * 1024 * 1024
_LOADED: Final = ("Loaded image ID: ", "Loaded image: ")
_PULLED: Final = "Status: "
_FIELD: Final = "image_management"


class ImageManagementEngine(ProtocolImageManagement):
    """Images, through the node's Docker client. ``report`` receives subject, event and detail."""

    def __init__(
        self,
        settings: ModelImageManagementSubcontract,
        docker: ProtocolDockerClient,
        node: str,
        current_message: ProtocolCurrentMessage,
        report: Callable[[str, str, str], None],
    ) -> None:
        self._settings = settings
        self._docker = docker
        self._node = node
        self._current_message = current_message
        self._report = report
        self._registries = {registry.host: registry for registry in settings.registries}
        self._pulled = self._pushed = self._built = self._repeated = 0

    @override
    async def pull(self, image: str, *, observe: Observe | None = None) -> ImageFacts:
        reference = self._permitted(image, require_digest=self._settings.require_digest)
        auth = self._auth(reference, push=False)
        if reference.digest and (existing := await self.find(image)):
            self._repeated += 1
            return existing
        full_name = f"{reference.full_name}{reference.suffix}"
        async with self._docker.stream(f"image {reference}") as docker:
            source = docker.images.pull(full_name, auth=auth, stream=True)
            steps = self._steps(source, self._settings.transfer_timeout_seconds, str(reference), observe)
            is_complete = False
            async for step in steps:
                is_complete |= step.status.startswith(_PULLED)
        self._require_end(is_complete, reference)
        pulled = await self._inspected(full_name)
        if reference.digest and not any(digest.endswith(reference.suffix) for digest in pulled.digests):
            raise RejectedError(f"image {reference}: another digest arrived")
        self._pulled += 1
        self._report(str(reference), "pulled", pulled.id)
        return pulled.facts

    @override
    async def push(self, image: str, *, observe: Observe | None = None) -> str:
        reference = self._tagged(image)
        auth = self._auth(reference, push=True)
        async with self._docker.stream(f"image {reference}") as docker:
            source = docker.images.push(reference.full_name, tag=reference.tag or "latest", auth=auth, stream=True)
            digest = ""
            async for step in self._steps(source, self._settings.transfer_timeout_seconds, str(reference), observe):
                digest = step.aux.digest or digest
        self._require_end(bool(digest), reference)
        self._pushed += 1
        self._report(str(reference), "pushed", digest)
        return f"{reference.name}@{digest}"

    @override
    async def build(
        self,
        context: str | Mapping[str, bytes],
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        arguments: Mapping[str, str] | None = None,
        observe: Observe | None = None,
        key: str = "",
    ) -> ImageFacts:
        target = self._tagged(tag)
        with ExitStack() as stack:
            files = packed(context, dockerfile, self._settings)
            packed_files = await asyncio.to_thread(stack.enter_context, files)
            for base in base_images(packed_files.dockerfile):
                self._permitted(base, require_digest=self._settings.require_digest)
            work = self._work(packed_files.digest, target, dockerfile, arguments or {}, key)
            if work and (existing := await self._of_key(work)):
                self._repeated += 1
                return existing
            async with self._docker.stream(f"image {target}") as docker:
                source = self._building(docker, packed_files, target, dockerfile, arguments or {}, work)
                built = ""
                limit = self._settings.build_timeout_seconds
                async for step in self._steps(source, limit, str(target), observe):
                    built = step.aux.id or built
        self._require_end(bool(built), target)
        self._built += 1
        self._report(str(target), "built", built)
        return (await self._inspected(built)).facts

    def _building(
        self,
        docker: Docker,
        files: BuildContext,
        target: ImageReference,
        dockerfile: str,
        arguments: Mapping[str, str],
        work: str,
    ) -> AsyncIterator[dict[str, JsonValue]]:
        labels = {LABEL_NODE: self._node} | ({LABEL_KEY: work} if work else {})
        return docker.images.build(
            fileobj=files.archive,
            encoding="identity",
            path_dockerfile=dockerfile,
            tag=str(target),
            buildargs=arguments,
            labels=labels,
            forcerm=True,
            stream=True,
        )

    def _work(
        self, digest: str, target: ImageReference, dockerfile: str, arguments: Mapping[str, str], key: str
    ) -> str:
        """Return the label of a piece of work, or an empty string outside of a message and without a key."""
        whose = key or self._current_message.idempotency_key
        parts = [self._node, whose, digest, str(target), dockerfile, sorted(arguments.items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40] if whose else ""

    async def _of_key(self, work: str) -> ImageFacts | None:
        filters = {"label": [f"{LABEL_NODE}={self._node}", f"{LABEL_KEY}={work}"]}
        async with self._docker.call("images of a key") as docker:
            found = [Listed.model_validate(entry) for entry in await docker.images.list(filters=filters)]
        return (await self._inspected(found[0].id)).facts if found else None

    @override
    async def save(self, image: str) -> AsyncGenerator[bytes, None]:
        reference = self._permitted(image)
        size, most = 0, self._settings.max_archive_bytes
        until = asyncio.get_running_loop().time() + self._settings.transfer_timeout_seconds
        async with self._docker.stream(f"image {reference}") as docker:
            async with asyncio.timeout_at(until):
                await docker.images.inspect(str(reference))
            async with docker.images.export_image(str(reference)) as content:
                while True:
                    async with asyncio.timeout_at(until):
                        chunk = await content.read(_CHUNK)
                    if not chunk:
                        return
                    if (size := size + len(chunk)) > most:
                        raise too_large(most)
                    yield chunk

    @override
    async def load(self, archive: bytes | AsyncIterable[bytes]) -> Sequence[ImageFacts]:
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            await spooled(archive, file, self._settings.max_archive_bytes)
            for tag in await asyncio.to_thread(tags_of, file):
                self._permitted(tag)
            names: list[str] = []
            async with self._docker.stream("archive of images") as docker:
                source = docker.images.import_image(file, stream=True)
                limit = self._settings.transfer_timeout_seconds
                async for step in self._steps(source, limit, "archive of images", None):
                    names += [
                        step.stream.removeprefix(start).strip() for start in _LOADED if step.stream.startswith(start)
                    ]
        self._require_end(bool(names), "archive of images")
        return [(await self._inspected(name)).facts for name in names]

    @override
    async def tag(self, image: str, target: str) -> None:
        source, named = self._permitted(image), self._tagged(target)
        async with self._docker.call(f"image {source}") as docker:
            await docker.images.tag(str(source), named.name, tag=named.tag or "latest")

    @override
    async def remove(self, image: str, *, force: bool = False) -> bool:
        reference = self._permitted(image)
        try:
            async with self._docker.call(f"image {reference}") as docker:
                await docker.images.delete(str(reference), force=force)
        except NotFoundError:
            return False
        return True

    @override
    async def prune(self, *, older_than_seconds: int = 0, unused: bool = False) -> PruneFacts:
        filters = {"dangling": [str(not unused).lower()]}
        if not self._settings.prune_foreign:
            filters["label"] = [f"{LABEL_NODE}={self._node}"]
        if older_than_seconds:
            filters["until"] = [f"{older_than_seconds}s"]
        async with self._docker.call("images", self._settings.transfer_timeout_seconds) as docker:
            pruned = Pruned.model_validate(await docker.images.prune(filters=filters))
        return PruneFacts(len(pruned.deleted or []), pruned.reclaimed_bytes)

    @override
    async def find(self, image: str) -> ImageFacts | None:
        try:
            return (await self._inspected(str(self._permitted(image)))).facts
        except NotFoundError:
            return None

    async def _inspected(self, image: str) -> Inspected:
        async with self._docker.call(f"image {image}") as docker:
            return Inspected.model_validate(await docker.images.inspect(image))

    def _permitted(self, image: str, *, require_digest: bool = False) -> ImageReference:
        reference = ImageReference.parse(image)
        image_permitted(reference, self._settings.images, require_digest=require_digest, field=f"{_FIELD}.images")
        return reference

    def _tagged(self, image: str) -> ImageReference:
        """Return a reference that a new image gets, which cannot be one by digest."""
        reference = self._permitted(image)
        if reference.digest:
            raise RejectedError(f"the image {reference} has a digest; a name for an image has a tag")
        return reference

    def _auth(self, reference: ImageReference, *, push: bool) -> dict[str, JsonValue] | None:
        registry = self._registries.get(reference.host)
        if registry is None:
            raise RejectedError(
                f"{reference.host} is no registry of this node; {_FIELD}.registries in the contract allows registries"
            )
        if push and not registry.push:
            raise RejectedError(f"this node may not push to {registry.host}; set `push` of {_FIELD}.registries")
        if not registry.username:
            return None
        return {"username": registry.username, "password": registry.password.get_secret_value()}

    async def _steps(
        self, source: AsyncIterator[dict[str, JsonValue]], seconds: float, subject: str, observe: Observe | None
    ) -> AsyncIterator[Step]:
        """Yield the steps of a transfer or build. Raise OutageError after the time limit."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with asyncio.timeout_at(until):
                    line = await anext(source, None)
            except TimeoutError:
                raise OutageError(f"image {subject}: not done within {seconds:g} s") from None
            if line is None:
                return
            step = Step.model_validate(line)
            if observe is not None and (step.status or step.stream.strip()):
                observe(step.progress)
            yield step

    @staticmethod
    def _require_end(is_complete: bool, subject: object) -> None:
        """Raise OutageError for a stream without its last line: aiodocker takes a lost connection for the end."""
        if not is_complete:
            raise OutageError(f"image {subject}: the engine ended the stream in the middle")

    def reported_metrics(self) -> Mapping[str, float]:
        """Images that were pulled, pushed and built, and repeated calls that changed nothing."""
        return {
            "pulled": float(self._pulled),
            "pushed": float(self._pushed),
            "built": float(self._built),
            "repeated": float(self._repeated),
        }
