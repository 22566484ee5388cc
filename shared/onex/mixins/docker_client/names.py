"""Names of containers and images. They become parts of URLs, so each is checked first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from onex.errors import RejectedError

_CONTAINER: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = re.compile(
    r"(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9.-]+(?=:)|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
)
_PATH: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST: Final = 400
HUB: Final = "docker.io"
"""The registry of names without a host."""


def checked_container(name: str) -> str:
    """Return the name or id of a container. Raise RejectedError for text that is neither."""
    if not _CONTAINER.fullmatch(name):
        raise RejectedError("it is no name of a container: letters, digits, `_`, `.` and `-` only, at most 128")
    return name


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The name of an image: ``registry/repository:tag@digest``."""

    registry: str
    """Host and port. Empty for a name without one, which is a local image or one of ``docker.io``."""
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageReference":
        """Return the parts of a reference. Raise RejectedError for text that is none."""
        name, _, digest = text.partition("@")
        head, _, rest = name.partition("/")
        registry, path = (head, rest) if rest and _HOST.fullmatch(head) else ("", name)
        path, colon, tag = path.partition(":")
        if (
            len(text) > _LONGEST
            or not _PATH.fullmatch(path)
            or (colon and not _TAG.fullmatch(tag))
            or ("@" in text and not _DIGEST.fullmatch(digest))
        ):
            raise RejectedError("it is no reference of an image: write registry/name:tag or registry/name@sha256:...")
        return cls(registry, path, tag, digest)

    @property
    def host(self) -> str:
        """The registry that the engine would ask."""
        return self.registry or HUB

    @property
    def name(self) -> str:
        """Registry and path, without tag and digest."""
        return f"{self.registry}/{self.path}" if self.registry else self.path

    @property
    def full_name(self) -> str:
        """The name with the host of its registry, as credentials need it."""
        return self.name if self.registry else f"{HUB}/{self.path if '/' in self.path else f'library/{self.path}'}"

    @property
    def suffix(self) -> str:
        """Digest or tag with its sign. The digest wins: it names one image for ever. Neither means ``:latest``."""
        return f"@{self.digest}" if self.digest else f":{self.tag or 'latest'}"

    def __str__(self) -> str:
        return f"{self.name}{self.suffix}"


def image_permitted(reference: ImageReference, patterns: Sequence[str], *, require_digest: bool, field: str) -> None:
    """Raise RejectedError for an image that no pattern allows, or without a digest where one is required.

    ``field`` is the field of the contract with the patterns. Patterns match the name without tag and digest.
    """
    if not any(fnmatchcase(reference.name, pattern) for pattern in patterns):
        raise RejectedError(f"the image {reference.name} is not allowed; {field} in the contract allows images")
    if require_digest and not reference.digest:
        raise RejectedError(f"the image {reference} has no digest; write {reference.name}@sha256:...")
