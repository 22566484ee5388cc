"""Evaluates the rules of a contract, one after the other."""

import operator
from collections.abc import Callable, Mapping

from pydantic import BaseModel
from typing_extensions import override

from onex.errors import AccessDeniedError
from onex.mixins.authentication import Principal, ProtocolAuthentication
from onex.mixins.authorization.model_authorization_subcontract import (
    EnumTest,
    EnumVerdict,
    ModelAuthorizationRule,
    ModelAuthorizationSubcontract,
    ModelAuthorizationTest,
)
from onex.mixins.authorization.protocol_authorization import ProtocolAuthorization
from onex.model.message import Message

_COMPARE: Mapping[EnumTest, Callable[..., bool]] = {
    EnumTest.EQ: operator.eq,
    EnumTest.NE: operator.ne,
    EnumTest.LT: operator.lt,
    EnumTest.LE: operator.le,
    EnumTest.GT: operator.gt,
    EnumTest.GE: operator.ge,
    EnumTest.IN: lambda value, values: value in values,
}
_CLAIM = "$claim."
_MISSING = object()


class AuthorizationEngine(ProtocolAuthorization):
    """Decides for the sender of the current message."""

    def __init__(self, settings: ModelAuthorizationSubcontract, authentication: ProtocolAuthentication) -> None:
        self._settings = settings
        self._authentication = authentication

    def check(self, message: Message) -> None:
        """Raise AccessDeniedError for a message that its sender may not send."""
        if self._settings.authorize_messages:
            self._require(type(message).__name__, message)

    @override
    def allows(self, action: str, /, **facts: object) -> bool:
        return self._allows(self._authentication.principal, action, facts)

    @override
    def require(self, action: str, /, **facts: object) -> None:
        self._require(action, facts)

    def _require(self, action: str, facts: object) -> None:
        principal = self._authentication.principal
        if not self._allows(principal, action, facts):
            raise AccessDeniedError(f"{principal.subject} may not do {action}")

    def _allows(self, principal: Principal, action: str, facts: object) -> bool:
        verdicts = {rule.verdict for rule in self._settings.rules if _fits(rule, principal, action, facts)}
        return verdicts == {EnumVerdict.ALLOW}


def _fits(rule: ModelAuthorizationRule, principal: Principal, action: str, facts: object) -> bool:
    if action not in rule.actions and "*" not in rule.actions:
        return False
    if rule.roles and not principal.roles.intersection(rule.roles):
        return False
    return all(_holds(test, principal, facts) for test in rule.when)


def _holds(test: ModelAuthorizationTest, principal: Principal, facts: object) -> bool:
    """Return whether the test passes. It fails for a missing field and for values that cannot be compared."""
    actual = _look(facts, test.field)
    expected = _value(test.value, principal)
    if actual is _MISSING or expected is _MISSING:
        return False
    try:
        return bool(_COMPARE[test.test](actual, expected))
    except TypeError:
        return False


def _value(value: object, principal: Principal) -> object:
    if value == "$subject":
        return principal.subject
    if isinstance(value, str) and value.startswith(_CLAIM):
        return _look(principal.claims, value.removeprefix(_CLAIM))
    return value


def _look(holder: object, path: str) -> object:
    value = holder
    for name in path.split("."):
        match value:
            case BaseModel():
                value = getattr(value, name, _MISSING)
            case Mapping():
                value = value.get(name, _MISSING)
            case _:
                return _MISSING
    return value
