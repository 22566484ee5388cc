"""MixinIPWhitelist."""

import asyncio
from collections.abc import MutableMapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.errors import AccessDeniedError
from onex.mixins.ip_whitelist import IPWhitelistMiddleware, MixinIPWhitelist, ModelIPWhitelistSubcontract
from onex.mixins.ip_whitelist.addresses import address_of
from onex.mixins.ip_whitelist.engine import IPWhitelistEngine
from onex.node import NodeCompute
from tests.mixins.helpers import FakeCurrentMessage, Note, container

MESSAGE = FakeCurrentMessage()


def made(**settings: object) -> IPWhitelistEngine:
    return IPWhitelistEngine(ModelIPWhitelistSubcontract.model_validate(settings), MESSAGE)


@pytest.mark.enforces("ip_whitelist.allow", "ip_whitelist.deny")
def test_networks_are_allowed_and_parts_of_them_denied() -> None:
    engine = made(allow=["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"], deny=["10.1.0.0/16", "2001:db8:1::/48"])
    for address in ("10.2.3.4", "10.2.3.4:80", "::ffff:10.2.3.4", "2001:db8::1", "[2001:db8::1]:443", "192.0.2.7"):
        assert engine.is_allowed(address), address
    for address in ("10.1.3.4", "::ffff:10.1.3.4", "2001:db8:1::1", "192.0.2.8", "::1", "2001:db9::1"):
        assert not engine.is_allowed(address), address
    assert engine.is_allowed("2001:db8::1%eth0")
    for garbage in (
        "",
        "unknown",
        "_hidden",
        "10.0.0.1.2",
        "10.0.0.256",
        "010.0.0.1",
        "a" * 101,
        "10.0.0.1\n.2",
        "٣",
    ):
        assert not engine.is_allowed(garbage), garbage
    assert not made().is_allowed("10.0.0.1"), "without networks nothing is"


@pytest.mark.enforces("ip_whitelist.trusted_proxies")
def test_the_client_is_the_last_address_that_is_no_trusted_proxy() -> None:
    engine = made(allow=["198.51.100.0/24"], trusted_proxies=["10.0.0.0/8", "2001:db8:f::/48"])
    forged = [("X-Forwarded-For", "198.51.100.1, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")]
    assert engine.client("10.0.0.1", forged) == "203.0.113.9"
    assert engine.client("203.0.113.5", forged) == "203.0.113.5", "no proxy: the header is the client's own word"
    assert engine.client("10.0.0.1") == "10.0.0.1"
    assert engine.client("10.0.0.1", [("x-forwarded-for", "10.0.0.3")]) == "10.0.0.3"
    rfc = [("Forwarded", 'for=192.0.2.1;proto=https, For="[2001:db8:f::1]:4711";by=10.0.0.9')]
    assert engine.client("10.0.0.1", rfc) == "192.0.2.1"
    assert engine.require("10.0.0.1", [("forwarded", "for=198.51.100.7")]) == "198.51.100.7"
    with pytest.raises(AccessDeniedError, match="the address of the client is not accepted"):
        engine.require("10.0.0.1", forged)
    with pytest.raises(AccessDeniedError, match="has both"):
        engine.require("10.0.0.1", [*forged, *rfc])
    assert engine.reported_metrics() == {"refused": 2}


@pytest.mark.parametrize(
    "value", ["for=unknown", "for=_a", "proto=https", "for=1.2.3.4;for=1.2.3.5", "for", "", 'for="', "for=1.2.3.4;"]
)
def test_a_forwarded_header_that_cannot_be_read_is_refused(value: str) -> None:
    with pytest.raises(AccessDeniedError, match="cannot be read"):
        made(trusted_proxies=["10.0.0.0/8"]).client("10.0.0.1", [("forwarded", value)])


@pytest.mark.enforces("ip_whitelist.max_hops")
def test_a_chain_has_an_end() -> None:
    engine = made(trusted_proxies=["10.0.0.0/8"], max_hops=2)
    assert engine.client("10.0.0.1", [("x-forwarded-for", "1.2.3.4,10.0.0.2")]) == "1.2.3.4"
    for headers in (
        [("x-forwarded-for", ",".join(["1.2.3.4"] * 1_000))],
        [("x-forwarded-for", "1.2.3.4")] * 3,
        [("forwarded", "for=1.2.3.4,for=1.2.3.4,for=1.2.3.4")],
    ):
        with pytest.raises(AccessDeniedError, match="too many proxies"):
            engine.client("10.0.0.1", headers)


def answered(scope: MutableMapping[str, object]) -> list[MutableMapping[str, object]]:
    """Return the events that an application with the middleware sends; ``passed`` is that of the application."""
    sent: list[MutableMapping[str, object]] = []

    async def app(scope: MutableMapping[str, object], receive: object, send: object) -> None:
        sent.append({"type": "passed"})

    async def receive() -> MutableMapping[str, object]:
        return {}

    async def send(event: MutableMapping[str, object]) -> None:
        sent.append(event)

    settings = ModelIPWhitelistSubcontract(allow=("198.51.100.0/24",), trusted_proxies=("10.0.0.0/8",))
    asyncio.run(IPWhitelistMiddleware(app, settings)(scope, receive, send))
    return sent


PASSED = [{"type": "passed"}]
FORWARDED = [(b"x-forwarded-for", b"198.51.100.7")]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_middleware_passes_requests_of_accepted_clients_on(kind: str) -> None:
    assert answered({"type": kind, "client": ("198.51.100.7", 4711)}) == PASSED
    assert answered({"type": kind, "client": ["10.0.0.1", 4711], "headers": FORWARDED}) == PASSED
    assert answered({"type": "lifespan"}) == PASSED


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("203.0.113.9", 4711), FORWARDED),
        (("10.0.0.1", 4711), []),
        (("10.0.0.1", 4711), None),
        (("10.0.0.1", 4711), [*FORWARDED, (b"x-forwarded-for", b"\xff")]),
        (None, FORWARDED),
    ],
    ids=["forged", "the proxy itself", "no headers", "no address", "a Unix socket"],
)
def test_the_middleware_refuses_all_others(client: object, headers: object) -> None:
    scope = {"client": client, "headers": headers}
    start, body = answered({"type": "http", **scope})
    assert (start["type"], start["status"]) == ("http.response.start", 403)
    assert str(body["body"]).startswith("b'the address of the client")
    (close,) = answered({"type": "websocket", **scope})
    assert (close["type"], close["code"]) == ("websocket.close", 1008)


@given(st.text(max_size=120))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        assert address_of(str(address_of(text))) == address_of(text)
    except AccessDeniedError as error:
        assert str(error) == "the address of the client cannot be read"


@pytest.mark.parametrize("network", ["10.0.0.1/8", "::ffff:10.0.0.0/104", "fe80::1%eth0/128", "a.example", ""])
def test_networks_are_checked(network: str) -> None:
    for field in ("allow", "deny", "trusted_proxies"):
        with pytest.raises(ValidationError):
            ModelIPWhitelistSubcontract.model_validate({field: [network]})


@pytest.mark.enforces("ip_whitelist.header")
def test_messages_with_the_address_of_a_client() -> None:
    class Gate(MixinIPWhitelist, NodeCompute[Note, Note]):
        pass

    node = Gate()
    settings = ModelIPWhitelistSubcontract(allow=("10.0.0.0/8",), header="client-address")
    node.container = container(settings)
    engine = node.ip_whitelist
    assert isinstance(engine, IPWhitelistEngine)
    with pytest.raises(AccessDeniedError, match="Note has no address of its client in the header client-address"):
        engine.check(Note(text="a"))
    message = FakeCurrentMessage(headers={"client-address": "10.1.2.3"})
    IPWhitelistEngine(settings, message).check(Note(text="a"))
    message.headers = {"client-address": "11.1.2.3"}
    with pytest.raises(AccessDeniedError, match="not accepted"):
        IPWhitelistEngine(settings, message).check(Note(text="a"))
    made(allow=["10.0.0.0/8"]).check(Note(text="a"))
