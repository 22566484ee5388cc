"""Makes the headers once, at start."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from typing_extensions import override

from onex.mixins.security_headers.model_security_headers_subcontract import ModelSecurityHeadersSubcontract
from onex.mixins.security_headers.protocol_security_headers import ProtocolSecurityHeaders

OWN_FIRST = "cache-control"
"""The header of which a response's own value stays."""


class SecurityHeadersEngine(ProtocolSecurityHeaders):
    """Any thread."""

    def __init__(self, settings: ModelSecurityHeadersSubcontract) -> None:
        self._headers = MappingProxyType({name: value for name, value in _headers_of(settings) if value})

    @override
    def headers(self) -> Mapping[str, str]:
        return self._headers

    @override
    def merged(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        own = {name.lower(): value for name, value in headers.items()}
        kept = {OWN_FIRST: own[OWN_FIRST]} if OWN_FIRST in own else {}
        return {**own, **self._headers, **kept}


def _headers_of(settings: ModelSecurityHeadersSubcontract) -> Iterator[tuple[str, str]]:
    yield "strict-transport-security", _hsts(settings)
    policy = "; ".join(" ".join((name, *sources)) for name, sources in settings.content_security_policy.items())
    yield "content-security-policy" + ("-report-only" if settings.csp_report_only else ""), policy
    yield "x-content-type-options", "nosniff" if settings.no_sniff else ""
    yield "x-frame-options", settings.frame_options
    yield "referrer-policy", settings.referrer_policy
    features = settings.permissions_policy.items()
    yield "permissions-policy", ", ".join(f"{feature}={_allowlist(origins)}" for feature, origins in features)
    yield "cross-origin-opener-policy", settings.opener_policy
    yield "cross-origin-resource-policy", settings.resource_policy
    yield OWN_FIRST, settings.cache_control


def _hsts(settings: ModelSecurityHeadersSubcontract) -> str:
    if not settings.hsts_seconds:
        return ""
    subdomains = "; includeSubDomains" if settings.hsts_subdomains else ""
    preload = "; preload" if settings.hsts_preload else ""
    return f"max-age={settings.hsts_seconds}{subdomains}{preload}"


def _allowlist(origins: tuple[str, ...]) -> str:
    """Return a list in the form of RFC 8941: words for ``self`` and ``*``, strings for origins."""
    if "*" in origins:
        return "*"
    quoted = " ".join(origin if origin == "self" else f'"{origin}"' for origin in origins)
    return f"({quoted})"
