"""Interface of images."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from typing import Protocol

from onex.mixins.image_management.facts import ImageFacts, ImageProgress, PruneFacts

Observe = Callable[[ImageProgress], None]
"""Receives the steps of a transfer or build while it runs."""


class ProtocolImageManagement(Protocol):
    """Images of the engine, by reference: ``registry/name:tag`` or ``registry/name@sha256:...``.

    Every method raises OutageError while the engine or the registry is away, or when the registry refuses the
    credentials. It raises RejectedError for an image that does not exist or that the contract does not allow.
    """

    async def pull(self, image: str, *, observe: Observe | None = None) -> ImageFacts:
        """Pull an image. By digest, one that the engine has is returned without asking the registry.

        The digest of what arrived is compared.
        """
        ...

    async def push(self, image: str, *, observe: Observe | None = None) -> str:
        """Push an image and return its reference by digest."""
        ...

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
        """Build an image, or return the one that was built from the same content for the same message.

        ``context`` is a folder below ``context_folder``, whose ``.dockerignore`` applies, or files by relative path.
        ``key`` replaces the message. Base images must be allowed, and written out.
        """
        ...

    def save(self, image: str) -> AsyncGenerator[bytes, None]:
        """Yield the archive of an image (``docker save``). Raise RejectedError beyond ``max_archive_bytes``."""
        ...

    async def load(self, archive: bytes | AsyncIterable[bytes]) -> Sequence[ImageFacts]:
        """Load an archive that ``save`` has made. Raise RejectedError for one with a tag that is not allowed."""
        ...

    async def tag(self, image: str, target: str) -> None:
        """Give an image another name."""
        ...

    async def remove(self, image: str, *, force: bool = False) -> bool:
        """Remove a name of an image, and the image with its last name. Return whether it existed."""
        ...

    async def prune(self, *, older_than_seconds: int = 0, unused: bool = False) -> PruneFacts:
        """Remove images without a name that this node has built. ``unused`` adds named ones without a container."""
        ...

    async def find(self, image: str) -> ImageFacts | None:
        """Return an image of the engine, or None when it has none with this reference."""
        ...
