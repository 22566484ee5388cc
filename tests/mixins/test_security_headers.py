"""MixinSecurityHeaders."""

import asyncio
from collections.abc import MutableMapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.mixins.security_headers import (
    MixinSecurityHeaders,
    ModelSecurityHeadersSubcontract,
    SecurityHeadersMiddleware,
)
from onex.mixins.security_headers.engine import SecurityHeadersEngine
from onex.node import NodeEffect


def of(**settings: object) -> dict[str, str]:
    return dict(SecurityHeadersEngine(ModelSecurityHeadersSubcontract.model_validate(settings)).headers())


@pytest.mark.enforces(
    "security_headers.hsts_seconds",
    "security_headers.hsts_subdomains",
    "security_headers.content_security_policy",
    "security_headers.csp_report_only",
    "security_headers.no_sniff",
    "security_headers.frame_options",
    "security_headers.referrer_policy",
    "security_headers.permissions_policy",
    "security_headers.opener_policy",
    "security_headers.resource_policy",
    "security_headers.cache_control",
)
def test_each_field_is_a_header() -> None:
    assert of() == {
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    without: dict[str, object] = dict.fromkeys(
        ("frame_options", "referrer_policy", "opener_policy", "resource_policy", "cache_control"), ""
    )
    assert of(hsts_seconds=0, content_security_policy={}, no_sniff=False, permissions_policy={}, **without) == {}
    policy = {"script-src": ["'self'", "https://a.example"], "upgrade-insecure-requests": []}
    features = {"camera": ["self", "https://a.example"], "usb": ["*"]}
    more = of(
        hsts_seconds=60,
        hsts_subdomains=False,
        content_security_policy=policy,
        csp_report_only=True,
        permissions_policy=features,
    )
    assert more["strict-transport-security"] == "max-age=60"
    reported = "script-src 'self' https://a.example; upgrade-insecure-requests"
    assert more["content-security-policy-report-only"] == reported
    assert more["permissions-policy"] == 'camera=(self "https://a.example"), usb=*'


@pytest.mark.enforces("security_headers.hsts_preload")
def test_a_place_in_the_lists_of_browsers_has_conditions() -> None:
    assert of(hsts_preload=True)["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload"
    for settings in ({"hsts_seconds": 60}, {"hsts_subdomains": False}):
        with pytest.raises(ValidationError, match="hsts_preload needs"):
            of(hsts_preload=True, **settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"content_security_policy": {"script-source": []}}, "is no directive"),
        ({"content_security_policy": {"script-src": ["'self'; img-src *"]}}, "visible ASCII"),
        ({"content_security_policy": {"script-src": ["a\r\nset-cookie:b"]}}, "visible ASCII"),
        ({"content_security_policy": {"script-src": ["'none'", "'self'"]}}, "'none' stands alone"),
        ({"permissions_policy": {"Camera": []}}, "is no feature"),
        ({"permissions_policy": {"camera": ["everyone"]}}, "neither self"),
        ({"permissions_policy": {"camera": ['https://a.example"), usb=*']}}, "neither self"),
    ],
)
def test_wrong_policies_are_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        of(**settings)


@given(st.dictionaries(st.sampled_from(["script-src", "img-src"]), st.lists(st.text(max_size=12), max_size=3)))
def test_no_value_makes_another_line_or_directive(policy: dict[str, list[str]]) -> None:
    try:
        value = of(content_security_policy=policy).get("content-security-policy", "")
    except ValidationError:
        return
    assert value.isprintable()
    assert len(value.split(";")) == max(1, len(policy))


def test_a_response_may_have_a_cache_control_of_its_own() -> None:
    class Shop(MixinSecurityHeaders, NodeEffect):
        pass

    merged = Shop().security_headers.merged({"Cache-Control": "max-age=60", "X-Frame-Options": "ALLOW", "etag": "1"})
    assert (merged["cache-control"], merged["x-frame-options"], merged["etag"]) == ("max-age=60", "DENY", "1")
    assert Shop().security_headers.merged({})["cache-control"] == "no-store"


Event = MutableMapping[str, object]


def answered(own: object, kind: str = "http") -> list[Event]:
    sent: list[Event] = []

    async def app(scope: Event, receive: object, send: object) -> None:
        await send({"type": f"{kind}.response.start", "status": 500, "headers": own})  # type: ignore[operator]  # ASGI
        await send({"type": f"{kind}.response.body", "body": b""})  # type: ignore[operator]  # as above

    async def receive() -> Event:
        return {}

    async def send(event: Event) -> None:
        sent.append(event)

    asyncio.run(SecurityHeadersMiddleware(app)({"type": kind}, receive, send))
    return sent


def test_the_middleware_adds_headers_to_every_response() -> None:
    start, body = answered([(b"X-Frame-Options", b"ALLOW"), (b"Cache-Control", b"max-age=60"), (b"etag", b"1")])
    headers = start["headers"]
    assert isinstance(headers, list)
    assert dict(headers)[b"x-frame-options"] == b"DENY"
    assert dict(headers)[b"cache-control"] == b"max-age=60"
    assert len(dict(headers)) == len(headers) == len(of()) + 1
    assert "headers" not in body
    bare = answered(None)[0]["headers"]
    assert isinstance(bare, list)
    assert len(bare) == len(of())
    assert answered([], "websocket")[0]["headers"] == []
