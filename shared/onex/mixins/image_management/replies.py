"""Replies of the engine about images, as far as they are used."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from onex.mixins.image_management.facts import ImageFacts, ImageProgress

_Names = Annotated[tuple[str, ...], BeforeValidator(lambda names: names or ())]
_Labels = Annotated[dict[str, str], BeforeValidator(lambda labels: labels or {})]
"""The engine writes ``null`` for none."""


class _Config(BaseModel):
    labels: _Labels = Field(default_factory=dict, alias="Labels")


class Inspected(BaseModel):
    """An image."""

    id: str = Field(alias="Id")
    tags: _Names = Field(default=(), alias="RepoTags")
    digests: _Names = Field(default=(), alias="RepoDigests")
    size_bytes: int = Field(default=0, alias="Size")
    config: _Config | None = Field(default=None, alias="Config")

    @property
    def facts(self) -> ImageFacts:
        """The image for handlers."""
        labels = self.config.labels if self.config else {}
        return ImageFacts(self.id, self.tags, self.digests, self.size_bytes, labels)


class Listed(BaseModel):
    """An image in a list."""

    id: str = Field(alias="Id")


class _Detail(BaseModel):
    current: int = 0
    total: int = 0


class _Extra(BaseModel):
    digest: str = Field(default="", alias="Digest")
    id: str = Field(default="", alias="ID")


class Step(BaseModel):
    """A line of a stream of progress."""

    status: str = ""
    stream: str = ""
    id: str = ""
    detail: _Detail = Field(default_factory=_Detail, alias="progressDetail")
    aux: _Extra = Field(default_factory=_Extra)

    @property
    def progress(self) -> ImageProgress:
        """The step for handlers."""
        return ImageProgress((self.status or self.stream).rstrip(), self.id, self.detail.current, self.detail.total)


class Pruned(BaseModel):
    """The result of a clean-up."""

    deleted: list[dict[str, str]] | None = Field(default=None, alias="ImagesDeleted")
    reclaimed_bytes: int = Field(default=0, alias="SpaceReclaimed")


class ManifestEntry(BaseModel):
    """An image of an archive, in ``manifest.json``."""

    tags: _Names = Field(default=(), alias="RepoTags")
