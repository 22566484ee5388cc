"""Configuration of images."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelRegistry(BaseModel):
    """A registry of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(pattern=r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9-]+:\d{1,5}|\[[0-9a-f:]+\])(:\d{1,5})?$")
    """Host and port as in names of images: ``registry.example.org``, ``127.0.0.1:5000`` or ``docker.io``."""
    username: str = ""
    """User. Empty sends no credentials."""
    password: SecretStr = SecretStr("")
    """Password or token of the user. ``${VAR}`` reads it from the environment. It is never logged."""
    push: bool = False
    """Whether the node may push to this registry."""

    @model_validator(mode="after")
    def _are_complete(self) -> Self:
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError(f"{self.host} has a username or a password, and not both")
        return self


class ModelImageManagementSubcontract(Subcontract):
    """Registries, images, and limits of transfers and builds."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    registries: tuple[ModelRegistry, ...] = ()
    """The registries. A node pulls from and pushes to no other."""
    images: tuple[str, ...] = ("*",)
    """Patterns of images that the node may move, build, tag, remove and build upon, without tag and digest."""
    require_digest: bool = False
    """Pull images, and build upon images, by digest (``name@sha256:...``) only."""
    context_folder: str = ""
    """Folder with the folders that images are built from. Empty builds from files that the node passes only."""
    max_context_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=1024**4)
    """Most bytes of the files of one build."""
    max_context_files: int = Field(default=10_000, ge=1, le=10_000_000)
    """Most files and folders of one build."""
    max_archive_bytes: int = Field(default=2 * 1024**3, ge=1, le=1024**5)
    """Most bytes that ``save`` yields and ``load`` takes."""
    transfer_timeout_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """Time limit of a pull, a push, a load or a save."""
    build_timeout_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """Time limit of a build."""
    prune_foreign: bool = False
    """Whether ``prune`` also removes images that this node has not built."""

    @model_validator(mode="after")
    def _have_different_hosts(self) -> Self:
        hosts = [registry.host for registry in self.registries]
        if len(set(hosts)) != len(hosts):
            raise ValueError("two registries have the same host")
        return self
