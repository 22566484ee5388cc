"""The FastAPI example: submit, wait, follow by server-sent events."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.local.properties import free_port
from tests.conftest import ORDERS, ROOT, eventually
from tests.integration.agents import Mesh

FOLDERS = sorted(ORDERS.glob("*/v1_0_0"))


@pytest.fixture
def url(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[str]:
    with Mesh(kafka_bus, FOLDERS, tmp_path) as mesh:
        for folder in FOLDERS:
            mesh.start(folder.parent.name)
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples" / "web"), "app:app"]
        env = {**mesh.env, "ONEX_SERVICES": f'["{ORDERS}"]', "PYTHONPATH": str(ORDERS)}
        with (tmp_path / "web.log").open("w") as log:
            process = subprocess.Popen([*command, "--port", str(port)], env=env, stdout=log, stderr=log)
        mesh.processes.append(process)
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(address), 40, "the web server")
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/openapi.json").status_code == 200
    except httpx.TransportError:
        return False


def test_orders_over_http(url: str) -> None:
    order = {"order_id": "h-1", "quantity": 2, "unit_price": 5.0}
    done = httpx.post(f"{url}/orders/wait", json=order, timeout=30)
    assert (done.status_code, done.json()) == (200, {"order_id": "h-1", "total": 10.0})
    assert done.headers["content-security-policy"].startswith("default-src 'none'")
    assert done.headers["x-content-type-options"] == "nosniff"
    heavy = httpx.post(f"{url}/orders/wait", json={**order, "order_id": "h-2", "quantity": 101}, timeout=30)
    assert (heavy.status_code, "too heavy" in heavy.json()["error"]) == (422, True)
    assert httpx.post(f"{url}/orders/wait", json={"order_id": "h-3"}).status_code == 422

    started = httpx.post(f"{url}/orders", json={**order, "order_id": "h-4"})
    assert started.status_code == 202
    with httpx.stream("GET", url + started.json()["events"], timeout=30) as stream:
        seen = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
    assert {"PriceOrder", "OrderPriced", "CardCharged", "OrderShipped"} <= set(seen)
    assert seen[-1] == "completed"
    assert httpx.get(f"{url}/orders/nobody/events").status_code == 404
