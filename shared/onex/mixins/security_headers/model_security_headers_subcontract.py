"""Configuration of security headers."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

_DIRECTIVES = frozenset(
    {
        "base-uri",
        "child-src",
        "connect-src",
        "default-src",
        "font-src",
        "form-action",
        "frame-ancestors",
        "frame-src",
        "img-src",
        "manifest-src",
        "media-src",
        "object-src",
        "report-to",
        "report-uri",
        "require-trusted-types-for",
        "sandbox",
        "script-src",
        "script-src-attr",
        "script-src-elem",
        "style-src",
        "style-src-attr",
        "style-src-elem",
        "trusted-types",
        "upgrade-insecure-requests",
        "worker-src",
    }
)
"""Directives of Content Security Policy Level 3, and of the documents that it names."""
_SOURCE = re.compile(r"[\x21-\x2b\x2d-\x3a\x3c-\x7e]{1,200}")
"""A source expression: visible ASCII but for comma and semicolon, which would begin another policy or directive."""
_FEATURE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PRELOAD_SECONDS = 31_536_000
_DEFAULT_POLICY: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "frame-ancestors": ("'none'",),
    "base-uri": ("'none'",),
}
_DEFAULT_PERMISSIONS: Mapping[str, tuple[str, ...]] = {"camera": (), "geolocation": (), "microphone": ()}


class ModelSecurityHeadersSubcontract(Subcontract):
    """Headers of every response. The defaults are for endpoints that return data, not pages."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    hsts_seconds: int = Field(default=31_536_000, ge=0, le=2 * 31_622_400)
    """``max-age`` of Strict-Transport-Security (RFC 6797): browsers use HTTPS only for this time. 0 leaves it out."""
    hsts_subdomains: bool = True
    """Whether that includes the subdomains of the host."""
    hsts_preload: bool = False
    """Ask for a place in the lists of browsers. Needs a year and the subdomains."""
    content_security_policy: dict[str, tuple[str, ...]] = Field(
        default_factory=lambda: dict(_DEFAULT_POLICY), max_length=40
    )
    """Directives and their sources: ``script-src: ["'self'"]``. Empty leaves the header out."""
    csp_report_only: bool = False
    """Browsers report violations of the policy and permit them."""
    no_sniff: bool = True
    """``X-Content-Type-Options: nosniff``."""
    frame_options: Literal["DENY", "SAMEORIGIN", ""] = "DENY"
    """``X-Frame-Options``, for browsers without ``frame-ancestors``. Empty leaves it out."""
    referrer_policy: Literal[
        "",
        "no-referrer",
        "no-referrer-when-downgrade",
        "origin",
        "origin-when-cross-origin",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
    ] = "no-referrer"
    """``Referrer-Policy``. Empty leaves it out."""
    permissions_policy: dict[str, tuple[str, ...]] = Field(
        default_factory=lambda: dict(_DEFAULT_PERMISSIONS), max_length=100
    )
    """Features of browsers and who may use them: ``self``, ``*``, or origins. Without any the feature is off."""
    opener_policy: Literal["", "same-origin", "same-origin-allow-popups", "unsafe-none"] = "same-origin"
    """``Cross-Origin-Opener-Policy``. Empty leaves it out."""
    resource_policy: Literal["", "same-origin", "same-site", "cross-origin"] = "same-origin"
    """``Cross-Origin-Resource-Policy``. Empty leaves it out."""
    cache_control: Literal["", "no-store", "no-cache", "private, no-cache"] = "no-store"
    """``Cache-Control`` of responses that have none of their own. Empty leaves it out."""

    @field_validator("content_security_policy")
    @classmethod
    def _is_a_policy(cls, policy: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for directive, sources in policy.items():
            if directive not in _DIRECTIVES:
                raise ValueError(f"{directive!r} is no directive of a content security policy")
            for source in sources:
                if not _SOURCE.fullmatch(source):
                    raise ValueError(f"{directive}: a source is visible ASCII without comma and semicolon")
            if "'none'" in sources and len(sources) > 1:
                raise ValueError(f"{directive}: 'none' stands alone")
        return policy

    @field_validator("permissions_policy")
    @classmethod
    def _names_features(cls, policy: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for feature, origins in policy.items():
            if not _FEATURE.fullmatch(feature):
                raise ValueError(f"{feature!r} is no feature of browsers")
            for origin in origins:
                if origin not in ("self", "*") and not re.fullmatch(r"https?://[A-Za-z0-9.*:\[\]-]{1,253}", origin):
                    raise ValueError(
                        f"{feature}: {origin!r} is neither self, * nor an origin such as https://a.example"
                    )
        return policy

    @model_validator(mode="after")
    def _may_be_preloaded(self) -> Self:
        if self.hsts_preload and (self.hsts_seconds < _PRELOAD_SECONDS or not self.hsts_subdomains):
            raise ValueError("hsts_preload needs hsts_seconds of a year (31536000) and hsts_subdomains")
        return self
