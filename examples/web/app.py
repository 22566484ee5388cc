"""An HTTP front of the order workflow: submit an order, wait for it, or follow it by server-sent events.

ONEX_SERVICES='["examples/orders"]' uvicorn --app-dir examples/web app:app

Clients of this machine may use it. ORDERS_ALLOW and ORDERS_PROXIES have further networks, separated by spaces: of
clients, and of proxies whose X-Forwarded-For is believed. With ORDERS_PROXIES, run uvicorn with --no-proxy-headers,
so that it does not replace the address of the proxy.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from node_order_orchestrator.v1_0_0.models import OrderCompleted, PlaceOrder

from onex.mesh import (
    BusUnavailableError,
    CommandRejectedError,
    CommandTimeoutError,
    MeshClient,
    WorkflowFailedError,
)
from onex.mixins.ip_whitelist import IPWhitelistMiddleware, ModelIPWhitelistSubcontract
from onex.mixins.security_headers import ModelSecurityHeadersSubcontract, SecurityHeadersMiddleware

_TIMEOUT = 60.0
"""Seconds to wait for the end of an order."""
_MAX_RUNS = 1000
"""Runs that can be followed. Older ones are forgotten."""


@dataclass
class Followed:
    """The steps of an order. ``news`` is set and replaced with every step."""

    steps: list[dict[str, object]] = field(default_factory=list)
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: str, data: object, *, ended: bool = False) -> None:
        self.steps.append({"event": event, "data": data})
        self.ended = ended
        self.news.set()
        self.news = asyncio.Event()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with MeshClient.connect() as mesh, asyncio.TaskGroup() as tasks:
        app.state.mesh, app.state.tasks, app.state.runs = mesh, tasks, {}
        yield


app = FastAPI(title="Orders", lifespan=lifespan)
_NETWORKS = ModelIPWhitelistSubcontract(
    allow=("127.0.0.0/8", "::1/128", *os.environ.get("ORDERS_ALLOW", "").split()),
    trusted_proxies=tuple(os.environ.get("ORDERS_PROXIES", "").split()),
)
app.add_middleware(IPWhitelistMiddleware, settings=_NETWORKS)
# The last one is the outermost: what the whitelist refuses has the headers, too.
app.add_middleware(SecurityHeadersMiddleware, settings=ModelSecurityHeadersSubcontract())


@app.post("/orders", status_code=202)
async def submit(order: PlaceOrder, request: Request) -> dict[str, str]:
    """Start an order. Return its id and the URL of its events without waiting."""
    state = request.app.state
    identity = uuid.uuid4().hex
    followed = state.runs[identity] = Followed()
    while len(state.runs) > _MAX_RUNS:
        del state.runs[next(iter(state.runs))]
    state.tasks.create_task(_follow(state.mesh, order, identity, followed))
    return {"id": identity, "events": f"/orders/{identity}/events"}


@app.post("/orders/wait")
async def wait(order: PlaceOrder, request: Request) -> OrderCompleted:
    """Start an order and wait for its end, for at most 60 s."""
    mesh: MeshClient = request.app.state.mesh
    return await mesh.execute(order, answer=OrderCompleted, timeout=_TIMEOUT)


@app.get("/orders/{identity}/events")
async def events(identity: str, request: Request) -> StreamingResponse:
    """Stream every step of an order from its start, as server-sent events."""
    followed: Followed | None = request.app.state.runs.get(identity)
    if followed is None:
        raise HTTPException(404, f"no order {identity}")
    return StreamingResponse(_stream(followed), media_type="text/event-stream")


async def _follow(mesh: MeshClient, order: PlaceOrder, identity: str, followed: Followed) -> None:
    try:
        async with mesh.run(order, command_id=identity, timeout=_TIMEOUT) as run:
            async for step in run:
                followed.add(step.name, step.message.model_dump(mode="json") if step.message else None)
            done = await run.completion()
    except (BusUnavailableError, CommandRejectedError, CommandTimeoutError, WorkflowFailedError) as error:
        followed.add("failed", str(error), ended=True)
    else:
        followed.add("completed", done.model_dump(mode="json"), ended=True)


async def _stream(followed: Followed) -> AsyncIterator[bytes]:
    shown = 0
    while True:
        news = followed.news
        for step in followed.steps[shown:]:
            shown += 1
            yield b"event: %b\ndata: %b\n\n" % (str(step["event"]).encode(), orjson.dumps(step["data"]))
        if followed.ended and shown == len(followed.steps):
            return
        await news.wait()


async def _problem(_: Request, error: Exception) -> JSONResponse:
    match error:
        case CommandRejectedError():
            status = 409
        case WorkflowFailedError():
            status = 422
        case CommandTimeoutError():
            status = 504
        case _:
            status = 503
    return JSONResponse({"error": str(error)}, status)


for failure in (CommandRejectedError, WorkflowFailedError, CommandTimeoutError, BusUnavailableError):
    app.add_exception_handler(failure, _problem)
