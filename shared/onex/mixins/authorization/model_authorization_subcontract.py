"""Configuration of authorization."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class EnumVerdict(StrEnum):
    """The verdict of a rule."""

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
    """Field of the message, or name of a fact of ``require``. Dots lead into parts."""
    test: EnumTest = EnumTest.EQ
    """The comparison."""
    value: JsonValue
    """The value to compare with. ``$subject`` is the sender, ``$claim.NAME`` a claim of its token."""


class ModelAuthorizationRule(BaseModel):
    """Allows or denies actions to roles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: EnumVerdict = EnumVerdict.ALLOW
    """A rule that denies overrides all rules that allow."""
    actions: tuple[str, ...] = ("*",)
    """Class names of messages, or actions of ``require``. ``*`` is every action."""
    roles: tuple[str, ...] = ()
    """Roles of which the sender needs one. Empty accepts every authenticated sender."""
    when: tuple[ModelAuthorizationTest, ...] = ()
    """Conditions that must all hold."""


class ModelAuthorizationSubcontract(Subcontract):
    """The rules of a node."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    rules: tuple[ModelAuthorizationRule, ...] = ()
    """Rules. An action that no rule allows is denied."""
    authorize_messages: bool = True
    """Refuse messages that their sender may not send. With False the node calls ``require`` itself."""
