"""MixinAuthentication, with keys that a real server publishes and certificates of a real authority."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from jwt.algorithms import ECAlgorithm

from onex.capability import HealthCheck, HealthChecks, ProtocolCurrentMessage
from onex.capability.sender import SENDER
from onex.errors import AccessDeniedError, CompositionError, OutageError, TransientError
from onex.mixins.authentication import MixinAuthentication, ModelAuthenticationSubcontract, Principal
from onex.mixins.authentication.engine import AuthenticationEngine
from onex.mixins.authentication.keys import PublishedKeys
from onex.node import NodeOrchestrator
from onex.testing.clock import ManualClock
from onex.util.clock import SystemClock
from tests.mixins.certificates import Authority
from tests.mixins.helpers import FakeCurrentMessage, Note, Receiver, Response, container, mute_server

SECRET = "a secret that is long enough for HS256"
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
Claims = dict[str, Any]


def published(*numbers: int) -> bytes:
    """A key set."""
    keys = [
        {**ECAlgorithm.to_jwk(KEYS[number].public_key(), as_dict=True), "kid": f"key-{number}", "alg": "ES256"}
        for number in numbers
    ]
    return json.dumps({"keys": keys}).encode()


class Gate:
    """An engine with its clock and its current message."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        self.current = FakeCurrentMessage()
        given = settings or {"secret": SECRET, "algorithms": ["HS256"]}
        self.engine = AuthenticationEngine(
            ModelAuthenticationSubcontract.model_validate(given), self.current, self.clock
        )

    def token(self, number: int | None = None, **claims: object) -> str:
        now = self.clock.now_ms() // 1000
        said: Claims = {"sub": "ann", "exp": now + 60, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        if number is None:
            return jwt.encode(said, SECRET, "HS256")
        return jwt.encode(said, KEYS[number], "ES256", headers={"kid": f"key-{number}"})

    def refuses(self, **claims: object) -> str:
        with pytest.raises(AccessDeniedError) as caught:
            self.engine.authenticate(self.token(**claims))  # type: ignore[arg-type]  # claims only
        return str(caught.value)


def hs256(**settings: object) -> Gate:
    return Gate(secret=SECRET, algorithms=["HS256"], **settings)


@pytest.mark.enforces("authentication.secret", "authentication.algorithms")
def test_whose_token_it_is() -> None:
    gate = hs256()
    principal = gate.engine.authenticate(gate.token(iss="issuer", roles=["clerk"]))
    assert (principal.subject, principal.issuer, principal.roles) == ("ann", "issuer", frozenset({"clerk"}))
    assert principal.claims["iss"] == "issuer"
    with pytest.raises(AccessDeniedError, match="Signature verification failed"):
        Gate(secret="another secret of the same length!", algorithms=["HS256"]).engine.authenticate(gate.token())
    with pytest.raises(AccessDeniedError, match="specified alg value is not allowed"):
        gate.engine.authenticate(jwt.encode({"sub": "ann", "exp": 2**40}, 2 * SECRET, "HS512"))
    with pytest.raises(AccessDeniedError, match="not accepted"):
        gate.engine.authenticate("nonsense")


@pytest.mark.enforces("authentication.issuer", "authentication.audience")
def test_issuer_and_audience() -> None:
    gate = hs256(issuer="us", audience="mesh")
    gate.engine.authenticate(gate.token(iss="us", aud=["mesh", "shop"]))
    assert "Invalid issuer" in gate.refuses(iss="them", aud="mesh")
    assert "Audience doesn't match" in gate.refuses(iss="us", aud="shop")
    anybody = hs256()
    assert anybody.engine.authenticate(anybody.token(aud="shop")).subject == "ann"


@pytest.mark.enforces("authentication.leeway_seconds")
def test_times() -> None:
    gate = hs256(leeway_seconds=5)
    now = gate.clock.now_ms() // 1000
    gate.engine.authenticate(gate.token(exp=now - 4, nbf=now + 4))
    assert "it has expired" in gate.refuses(exp=now - 6)
    assert "it is not valid yet" in gate.refuses(nbf=now + 6)
    assert 'missing the "exp" claim' in gate.refuses(exp=None)
    assert 'missing the "sub" claim' in gate.refuses(sub=None)
    assert "exp and nbf must be numbers" in gate.refuses(exp="never")


@pytest.mark.enforces("authentication.roles_claim")
@pytest.mark.parametrize(
    ("claim", "said", "roles"),
    [
        ("roles", {"roles": ["a", "b"]}, {"a", "b"}),
        ("scope", {"scope": "a b"}, {"a", "b"}),
        ("realm.roles", {"realm": {"roles": ["a"]}}, {"a"}),
        ("realm.roles", {"realm": "a"}, set()),
        ("roles", {"roles": 7}, set()),
    ],
)
def test_roles(claim: str, said: Claims, roles: set[str]) -> None:
    gate = hs256(roles_claim=claim)
    assert gate.engine.authenticate(gate.token(**said)).roles == roles


@pytest.mark.enforces("authentication.header", "authentication.authenticate_messages")
def test_messages_need_a_token() -> None:
    gate = hs256(header="x-token")
    for wrong in ({}, {"authorization": f"Bearer {gate.token()}"}, {"x-token": gate.token()}):
        gate.current.headers = wrong
        with pytest.raises(AccessDeniedError, match="Note has no token in the header x-token"):
            gate.engine.check(Note(text="a"))
        with pytest.raises(AccessDeniedError, match="is not authenticated"):
            _ = gate.engine.principal
    gate.current.headers = {"x-token": f"Bearer {gate.token()}"}
    gate.engine.check(Note(text="a"))
    assert (gate.engine.principal.subject, SENDER.get()) == ("ann", "ann")
    open_gate = hs256(authenticate_messages=False)
    open_gate.engine.check(Note(text="a"))
    assert SENDER.get() == ""
    with pytest.raises(AccessDeniedError, match="is not authenticated"):
        _ = open_gate.engine.principal


def opened(gate: Gate, work: Callable[[], object]) -> None:
    async def live() -> None:
        await gate.engine.open()
        try:
            await asyncio.to_thread(work)
        finally:
            await gate.engine.close()

    asyncio.run(live())


@pytest.mark.enforces("authentication.jwks_url", "authentication.jwks_cooldown_seconds")
def test_keys_that_the_issuer_publishes() -> None:
    responses: list[Response] = [(200, {}, published(0)), (200, {}, published(1))]
    with Receiver(*responses).running() as issuer:
        gate = Gate(jwks_url=issuer.url, jwks_cooldown_seconds=10)

        def work() -> None:
            assert gate.engine.authenticate(gate.token(0)).subject == "ann"
            with pytest.raises(AccessDeniedError, match=r"does not publish \(key-1\)"):
                gate.engine.authenticate(gate.token(1))
            assert len(issuer.requests) == 1, "asked a moment ago"
            gate.clock.move_to(gate.clock.monotonic() + 11)
            assert gate.engine.authenticate(gate.token(1)).subject == "ann"
            with pytest.raises(AccessDeniedError, match=r"does not publish \(key-0\)"):
                gate.engine.authenticate(gate.token(0))
            assert len(issuer.requests) == 2

        opened(gate, work)
    gate.clock.move_to(gate.clock.monotonic() + 11)
    with structlog.testing.capture_logs() as logs, pytest.raises(OutageError, match="key-0 cannot be looked up: no"):
        gate.engine.authenticate(gate.token(0))
    assert [entry["event"] for entry in logs] == ["cannot read the issuer's keys"]
    assert gate.engine.authenticate(gate.token(1)).subject == "ann", "known keys stay"
    with pytest.raises(OutageError) as waits:
        gate.engine.authenticate(gate.token(0))
    assert waits.value.dependency == "authentication_keys"


@pytest.mark.enforces("authentication.jwks_refresh_seconds")
def test_keys_are_read_again() -> None:
    responses: list[Response] = [(200, {}, published(0)), (503, {}, b""), (200, {}, published(1))]
    with Receiver(*responses).running() as issuer:
        gate = Gate(jwks_url=issuer.url, jwks_refresh_seconds=1)

        async def live() -> None:
            await gate.engine.open()
            gate.engine.authenticate(gate.token(0))
            async with asyncio.timeout(30):
                while len(issuer.requests) < 3:
                    await asyncio.sleep(0.02)  # between looks
            await gate.engine.close()
            await gate.engine.close()

        with structlog.testing.capture_logs() as logs:
            asyncio.run(live())
        assert "cannot read the issuer's keys" in [entry["event"] for entry in logs]


def test_a_node_waits_for_its_issuer() -> None:
    endless = b'{"keys": [' + b" " * 2_000_000
    bodies = (endless, b"nothing", b"[]", b'{"keys": []}')
    responses: list[Response] = [(503, {}, b""), *((200, {}, body) for body in bodies)]
    for response in responses:
        with Receiver(response).running() as issuer:
            with pytest.raises(TransientError, match="no keys at"):
                opened(Gate(jwks_url=issuer.url), lambda: None)


@pytest.mark.enforces("authentication.jwks_timeout_seconds")
def test_a_silent_issuer_is_disconnected() -> None:
    async def live() -> None:
        async with mute_server() as port:
            url = f"http://127.0.0.1:{port}"
            settings = ModelAuthenticationSubcontract(jwks_url=url, jwks_timeout_seconds=0.2)
            with pytest.raises(TransientError, match="timed out"):
                async with asyncio.timeout(20):
                    await asyncio.to_thread(PublishedKeys(settings).read)

    asyncio.run(live())


@pytest.mark.enforces("authentication.trusted_ca")
def test_client_certificates(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "Another one")
    settings = ModelAuthenticationSubcontract(trusted_ca=str(ours.file))
    engine = AuthenticationEngine(settings, FakeCurrentMessage(), SystemClock())
    spiffe = x509.UniformResourceIdentifier("spiffe://example.org/shop")
    dns = x509.DNSName("shop.example.org")
    assert engine.identify(ours.client(dns, spiffe)) == Principal(
        "spiffe://example.org/shop", issuer="CN=Test authority"
    )
    assert engine.identify(ours.client(dns)).subject == "shop.example.org"
    assert engine.identify(ours.client(x509.RFC822Name("a@b.org"))).subject == "a@b.org"
    directory = x509.DirectoryName(x509.Name([]))
    assert engine.identify(ours.client(directory, common="Ann")).subject == "Ann"
    with pytest.raises(AccessDeniedError, match="certificate is not accepted"):
        engine.identify(theirs.client(spiffe))
    with pytest.raises(AccessDeniedError, match="certificate is not accepted"):
        engine.identify(ours.issue([spiffe], ExtendedKeyUsageOID.SERVER_AUTH)[1])
    with pytest.raises(AccessDeniedError, match="certificate is not accepted"):
        engine.identify(b"nothing")
    later = ManualClock()
    later.move_to(later.monotonic() + 100 * 365 * 86_400)
    with pytest.raises(AccessDeniedError, match="certificate is not accepted"):
        AuthenticationEngine(settings, FakeCurrentMessage(), later).identify(ours.client(spiffe))
    with pytest.raises(CompositionError, match="no authority is trusted"):
        Gate().engine.identify(b"")


def test_a_node_without_keys_refuses_every_token() -> None:
    class Node(MixinAuthentication, NodeOrchestrator[Note, Note]):
        pass

    node = Node()
    node.container = container()
    node.container.registry.value(
        ProtocolCurrentMessage, FakeCurrentMessage(headers={"authorization": f"Bearer {Gate().token()}"})
    )
    assert isinstance(node.authentication, AuthenticationEngine)
    with pytest.raises(AccessDeniedError, match="no key to verify tokens"):
        node.authentication.check(Note(text="a"))
    asyncio.run(node.authentication.open())


def test_health_reports_published_keys_that_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(MixinAuthentication, NodeOrchestrator[Note, Note]):
        pass

    clock, node = ManualClock(), Guarded()
    settings = ModelAuthenticationSubcontract(jwks_url="https://issuer.example/keys", jwks_refresh_seconds=60)
    node.container = container(settings, clock=clock)
    assert node.authentication is node.authentication
    check = node.container.get(HealthChecks).all["authentication_keys"]
    with pytest.raises(TransientError, match="were not read for more than 180 s"):
        asyncio.run(_probe(check))
    monkeypatch.setattr("onex.mixins.authentication.keys._read", lambda url, timeout: published(0))
    engine = node.authentication
    assert isinstance(engine, AuthenticationEngine)
    engine._keys.read()  # as at an interval
    asyncio.run(_probe(check))
    clock.move_to(clock.monotonic() + 181)
    with pytest.raises(TransientError, match="were not read for more than 180 s"):
        asyncio.run(_probe(check))


async def _probe(check: HealthCheck) -> None:
    await check.probe()
