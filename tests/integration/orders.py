"""An application that sends orders, for tests of the client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from node_order_orchestrator.v1_0_0.models import PlaceOrder

from onex.mesh import MeshClient
from onex.settings import Settings
from tests.conftest import ORDERS
from tests.integration.agents import Mesh

FOLDERS = sorted(ORDERS.glob("*/v1_0_0"))


def order(number: str, quantity: int = 2) -> PlaceOrder:
    return PlaceOrder(order_id=number, quantity=quantity, unit_price=5.0)


def settings_of(mesh: Mesh) -> Settings:
    return Settings(
        kafka_bootstrap_servers=mesh.bus.config.bootstrap_servers, services=[ORDERS], env=mesh.prefix, home=mesh.home
    )


@asynccontextmanager
async def connected(mesh: Mesh) -> AsyncIterator[MeshClient]:
    async with MeshClient.connect(settings_of(mesh)) as client:
        yield client


async def until(condition: Callable[[], bool], patience: float = 30.0) -> None:
    """Wait for a condition. Raise TimeoutError after ``patience`` seconds."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.02)  # between looks at a condition, not instead of one
