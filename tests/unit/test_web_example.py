"""The FastAPI example without a mesh: who may use it, and the headers of its responses."""

import asyncio
import runpy

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import ROOT


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setenv("ORDERS_ALLOW", "203.0.113.0/24 2001:db8::/32")
    monkeypatch.setenv("ORDERS_PROXIES", "10.0.0.0/8")
    found = runpy.run_path(str(ROOT / "examples" / "web" / "app.py"))["app"]
    assert isinstance(found, FastAPI)
    return found


async def _status(app: FastAPI, peer: str, **headers: str) -> int:
    transport = httpx.ASGITransport(app, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="https://orders.example") as client:
        response = await client.get("/openapi.json", headers=headers)
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["strict-transport-security"].startswith("max-age=")
    return response.status_code


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("203.0.113.9", "", 200),
        ("198.51.100.7", "", 403),
        ("198.51.100.7", "203.0.113.9", 403),
        ("10.0.0.1", "203.0.113.9", 200),
        ("10.0.0.1", "198.51.100.7", 403),
    ],
)
def test_only_accepted_clients_are_served_and_each_response_has_the_headers(
    app: FastAPI, peer: str, forwarded: str, status: int
) -> None:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert asyncio.run(_status(app, peer, **headers)) == status
