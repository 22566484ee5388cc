"""MixinAuthorization."""

import pytest

from onex.errors import AccessDeniedError
from onex.mixins.authentication import (
    MixinAuthentication,
    ModelAuthenticationSubcontract,
    Principal,
    ProtocolAuthentication,
)
from onex.mixins.authorization import MixinAuthorization, ModelAuthorizationSubcontract
from onex.mixins.authorization.engine import AuthorizationEngine
from onex.model.message import Message
from onex.node import NodeReducer
from tests.mixins.helpers import container

ANN = Principal("ann", frozenset({"clerk"}), claims={"branch": "north", "limit": 100, "team": ["a", "b"]})


class Refund(Message):
    customer: str
    amount: int = 5
    branch: str = "north"


class Known(ProtocolAuthentication):
    """Authentication with a fixed sender."""

    def __init__(self, principal: Principal | None = ANN) -> None:
        self._principal = principal

    @property
    def principal(self) -> Principal:
        if self._principal is None:
            raise AccessDeniedError("the sender is not authenticated")
        return self._principal

    def authenticate(self, token: str) -> Principal:
        return self.principal

    def identify(self, certificate: bytes) -> Principal:
        return self.principal


def made(*rules: dict[str, object], known: Known | None = None, **settings: object) -> AuthorizationEngine:
    model = ModelAuthorizationSubcontract.model_validate({"rules": list(rules), **settings})
    return AuthorizationEngine(model, known or Known())


def allows(*rules: dict[str, object], message: Message | None = None) -> bool:
    try:
        made(*rules).check(message or Refund(customer="bob"))
    except AccessDeniedError:
        return False
    return True


@pytest.mark.enforces("authorization.rules", "authorization.rules.verdict")
def test_actions_that_no_rule_allows_or_one_denies_are_refused() -> None:
    with pytest.raises(AccessDeniedError, match="ann may not do Refund"):
        made().check(Refund(customer="bob"))
    assert allows({})
    assert not allows({}, {"verdict": "deny"})


@pytest.mark.enforces("authorization.rules.actions")
def test_actions() -> None:
    assert allows({"actions": ["Refund"]})
    assert not allows({"actions": ["Charge"]})


@pytest.mark.enforces("authorization.rules.roles")
def test_roles() -> None:
    assert allows({"roles": ["manager", "clerk"]})
    assert not allows({"roles": ["manager"]})


@pytest.mark.enforces(
    "authorization.rules.when",
    "authorization.rules.when.field",
    "authorization.rules.when.test",
    "authorization.rules.when.value",
)
@pytest.mark.parametrize(
    ("field", "test", "value", "holds"),
    [
        ("amount", "eq", 5, True),
        ("amount", "ne", 5, False),
        ("amount", "lt", 5, False),
        ("amount", "le", 5, True),
        ("amount", "gt", 4, True),
        ("amount", "ge", "$claim.limit", False),
        ("branch", "eq", "$claim.branch", True),
        ("branch", "in", ["north", "south"], True),
        ("customer", "eq", "$subject", False),
        ("branch", "eq", "$claim.missing", False),
        ("nothing", "ne", 5, False),
        ("branch.deep", "ne", 5, False),
        ("branch", "lt", 5, False),
        ("amount", "in", 7, False),
    ],
)
def test_attributes(field: str, test: str, value: object, holds: bool) -> None:
    assert allows({"when": [{"field": field, "test": test, "value": value}]}) == holds


def test_all_conditions_must_hold_and_equal_is_the_default() -> None:
    own, large = {"field": "customer", "value": "$subject"}, {"field": "amount", "test": "gt", "value": 100}
    assert allows({"when": [own]}, message=Refund(customer="ann"))
    assert not allows({"when": [own, large]}, message=Refund(customer="ann"))
    assert allows({"when": [own, large]}, message=Refund(customer="ann", amount=101))


def test_actions_that_are_no_messages() -> None:
    engine = made({"actions": ["refund"], "when": [{"field": "order.amount", "test": "le", "value": 100}]})
    assert engine.allows("refund", order={"amount": 5})
    assert not engine.allows("refund", order={"amount": 500})
    assert not engine.allows("refund")
    engine.require("refund", order={"amount": 5})
    with pytest.raises(AccessDeniedError, match="ann may not do cancel"):
        engine.require("cancel")


@pytest.mark.enforces("authorization.authorize_messages")
def test_the_node_may_ask_itself() -> None:
    made(authorize_messages=False).check(Refund(customer="bob"))


def test_an_unauthenticated_sender_may_do_nothing() -> None:
    with pytest.raises(AccessDeniedError, match="is not authenticated"):
        made({}, known=Known(None)).check(Refund(customer="bob"))


def test_a_node_authorizes_the_authenticated_sender() -> None:
    class Node(MixinAuthorization, MixinAuthentication, NodeReducer[Refund]):
        pass

    assert [layer.name for layer in Node.capabilities.layers] == ["MixinAuthentication", "MixinAuthorization"]
    node = Node()
    node.container = container(ModelAuthenticationSubcontract(), ModelAuthorizationSubcontract())
    with pytest.raises(AccessDeniedError, match="is not authenticated"):
        node.authorization.require("refund")
