"""Configuration of authorization."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumVerdict(StrEnum):
    """What a rule says."""

    ALLOW = "allow"
    DENY = "deny"


class EnumTest(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"


class ModelAuthorizationTest(BaseModel):
    """A condition on one field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(min_length=1)
    """Of the message, or the name given to ``require``; dots lead into parts."""
    test: EnumTest = EnumTest.EQ
    """How it is compared."""
    value: JsonValue
    """With what. ``$subject`` is who sent it, ``$claim.NAME`` what the token says of them."""


class ModelAuthorizationRule(BaseModel):
    """Who may do what, or may not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: EnumVerdict = EnumVerdict.ALLOW
    """A rule that denies wins over all that allow."""
    actions: tuple[str, ...] = ("*",)
    """Class names of messages, or names given to ``require``; ``*`` is all of them."""
    roles: tuple[str, ...] = ()
    """One of them is needed; empty: anybody who is known."""
    when: tuple[ModelAuthorizationTest, ...] = ()
    """All of them must hold."""


class ModelAuthorizationSubcontract(Subcontract):
    """Who may do what. Source: seed 001, MixinAuthorization."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    rules: tuple[ModelAuthorizationRule, ...] = ()
    """What no rule allows is refused."""
    authorize_messages: bool = True
    """Refuse messages that their sender may not send; False leaves it to the node to ask."""
