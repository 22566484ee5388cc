"""What the engine reports about images."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image of the engine."""

    id: str
    """Digest of its configuration: it names the content on every engine."""
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    """References by digest (``name@sha256:...``). A registry has them; an image that was never moved has none."""
    size_bytes: int
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """A step of a transfer or of a build."""

    text: str
    """``Downloading``, ``Pushed``, or a line of a build."""
    layer: str
    """Short id of the layer. Empty for the whole image."""
    current_bytes: int
    total_bytes: int
    """0 while it is unknown."""


@dataclass(frozen=True, slots=True)
class PruneFacts:
    """The result of a clean-up."""

    removed: int
    """Tags and images that were removed."""
    reclaimed_bytes: int
