"""Configuration of caches with two levels."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.mixins.intelligent_caching.templates import template_problem
from onex.mixins.intelligent_caching.url import url_problem
from onex.model.contract.version import ModelSemVer
from onex.model.topic import TopicName


class ModelInvalidationRule(BaseModel):
    """What a message says about entries: those with these keys and tags are no longer true."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    """Topic of the messages, without the prefix of the environment."""
    message: str = Field(pattern=r"^[A-Z][A-Za-z0-9]{0,99}$")
    """Class of the messages, in the models of the node."""
    keys: tuple[str, ...] = Field(default=(), max_length=20)
    """Keys with fields of the message in braces: ``price of {product}``."""
    tags: tuple[str, ...] = Field(default=(), max_length=20)
    """Tags, in the same way."""
    everything: bool = False
    """Remove all entries."""

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, topic: str) -> str:
        if TopicName.parse(topic).prefix:
            raise ValueError("the prefix of the environment is added to the name; leave it out")
        return topic

    @field_validator("keys", "tags")
    @classmethod
    def _are_templates(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if problem := template_problem(template):
                raise ValueError(problem)
        return templates

    @model_validator(mode="after")
    def _removes_something(self) -> Self:
        if not (self.keys or self.tags or self.everything):
            raise ValueError("the rule removes nothing; set keys, tags or everything")
        return self


class ModelIntelligentCachingSubcontract(Subcontract):
    """The second level, refreshing and invalidation. `MixinCaching` configures the first level and lifetimes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    url: SecretStr = SecretStr("")
    """``redis://user:password@host:6379/0``, or ``rediss://`` for TLS. Empty has no second level."""
    tls_ca_file: str = ""
    """File with the certificates that ``rediss://`` trusts. Empty trusts those of the system."""
    namespace: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_.-]{0,63})?$")
    """Name before all keys on the server, in addition to the version of the contract. Empty uses the environment's
    prefix and the name of the node."""
    timeout_seconds: float = Field(default=0.25, gt=0, le=60)
    """Longest wait for the server, in each use of it."""
    retry_seconds: float = Field(default=1.0, ge=0, le=3_600)
    """After a failure the server is not asked for this time. Then one use tries it again."""
    max_connections: int = Field(default=10, ge=1, le=1_000)
    """Most connections of this process to the server."""
    max_value_bytes: int = Field(default=1024 * 1024, ge=256, le=64 * 1024 * 1024)
    """A larger value stays in memory and is not sent. A larger one on the server is not read."""
    refresh_ahead: float = Field(default=0.2, ge=0, le=0.9)
    """Last share of a lifetime in which a request renews the value in the background. 0 renews none."""
    refresh_retry_seconds: float = Field(default=5.0, gt=0, le=86_400)
    """Time after a failed renewal until a request tries again. The old value stays until its limit."""
    max_refreshes: int = Field(default=10, ge=1, le=10_000)
    """Most renewals of this process at a time."""
    lock_seconds: float = Field(default=10.0, ge=0, le=3_600)
    """While an instance loads or renews a value, the others wait or use the old one, at most for this time. 0 makes
    instances load by themselves."""
    publish_invalidations: bool = True
    """Whether what this node forgets is forgotten by all of its instances, through a topic of the mesh."""
    invalidate_on: tuple[ModelInvalidationRule, ...] = Field(default=(), max_length=50)
    """Messages on topics that invalidate entries in every instance."""

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: SecretStr) -> SecretStr:
        if problem := url_problem(url.get_secret_value()):
            raise ValueError(problem)
        return url

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tls_ca_file and not self.url.get_secret_value().startswith("rediss://"):
            raise ValueError("tls_ca_file has no effect without a url that begins with rediss://")
        topics: dict[str, str] = {}
        for rule in self.invalidate_on:
            if topics.setdefault(rule.topic, rule.message) != rule.message:
                raise ValueError(f"{rule.topic} cannot carry both {topics[rule.topic]} and {rule.message}")
        return self
