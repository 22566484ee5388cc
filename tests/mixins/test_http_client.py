"""MixinHttpClient, with real servers."""

import asyncio
import gzip
import json
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from onex.capability import HealthChecks
from onex.capability.shared import ProcessResources, SharedResources
from onex.errors import CallTimeoutError, OutageError, RejectedError, TransientError
from onex.mixins.http_client import HttpResponse, MixinHttpClient, ModelHttpClientSubcontract
from onex.mixins.http_client.addresses import Address, permitted, resolve
from onex.mixins.http_client.engine import HttpClientEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from onex.util.clock import to_datetime
from onex.util.error_text import validation_text
from tests.mixins.certificates import Authority
from tests.mixins.helpers import CURRENT_MESSAGE, FakeCurrentMessage, Note, Receiver, container, mute_server

LOCAL = ["127.0.0.0/8", "::1/128"]
Use = Callable[[HttpClientEngine], Awaitable[HttpResponse]]


def engine(
    url: str, message: FakeCurrentMessage = CURRENT_MESSAGE, clock: ManualClock | None = None, **settings: object
) -> HttpClientEngine:
    service = {"name": "bank", "base_url": url, **_of_service(settings)}
    wanted = {"services": [service], "private_networks": LOCAL, **settings}
    return HttpClientEngine(ModelHttpClientSubcontract.model_validate(wanted), message, clock or ManualClock())


def _of_service(settings: dict[str, object]) -> dict[str, object]:
    return {name: settings.pop(name) for name in ("headers", "check_path", "service_timeout") if name in settings}


def called(made: HttpClientEngine, use: Use) -> HttpResponse:
    async def live() -> HttpResponse:
        await made.open()
        try:
            return await use(made)
        finally:
            await made.close()

    return asyncio.run(live())


def get(made: HttpClientEngine, path: str = "", **options: object) -> HttpResponse:
    return called(made, lambda http: http.get("bank", path, **options))  # type: ignore[arg-type]


def post(made: HttpClientEngine, path: str = "", **options: object) -> HttpResponse:
    return called(made, lambda http: http.post("bank", path, **options))  # type: ignore[arg-type]


@asynccontextmanager
async def raw_server(*replies: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Open a port that sends one of these to each connection, and then ends it."""
    waiting = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(waiting.pop(0))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def raw(reply: bytes) -> HttpResponse:
    """Return the response to a GET when the server sends these bytes."""

    async def live() -> HttpResponse:
        async with raw_server(reply) as port:
            made = engine(f"http://127.0.0.1:{port}")
            try:
                return await made.get("bank")
            finally:
                await made.close()

    return asyncio.run(live())


class Card(BaseModel):
    number: int


@pytest.mark.enforces("http_client.services", "http_client.services.name", "http_client.services.base_url")
def test_requests_and_responses() -> None:
    with Receiver((200, {"X-Kind": "card"}, b'{"number": 1}')).running() as receiver:
        response = get(engine(f"{receiver.url}/v1/"), "/cards/{card}", values={"card": "a/b c"}, query={"page": 2})
        assert (response.status, response.headers["x-kind"], response.service) == (200, "card", "bank")
        assert (response.text, response.json()) == ('{"number": 1}', {"number": 1})
        assert response.parsed(Card) == Card(number=1)
        post(engine(receiver.url), json=Note(text="a"))
        post(engine(receiver.url), json={"a": [None]})
        called(engine(receiver.url), lambda http: http.request("PUT", "bank", "x", content=b"raw"))
        paths = [request.path for request in receiver.requests]
        assert paths == ["/v1/cards/a%2Fb%20c?page=2", "/", "/", "/x"]
        assert [json.loads(request.body) for request in receiver.requests[1:3]] == [{"text": "a"}, {"a": [None]}]
        assert receiver.requests[1].headers["content-type"] == "application/json"
        assert receiver.requests[3].body == b"raw"
        with pytest.raises(KeyError):
            called(engine(receiver.url), lambda http: http.get("nobody"))
        with pytest.raises(ValueError, match="no method 'TRACE'"):
            called(engine(receiver.url), lambda http: http.request("TRACE", "bank"))
        with pytest.raises(ValueError, match=r"the path has \{card\}, and values has no card"):
            get(engine(receiver.url), "/cards/{card}")


def test_responses_that_do_not_fit_are_refused_without_their_content() -> None:
    with pytest.raises(RejectedError, match="bank: the response is not JSON"):
        HttpResponse("bank", 200, {}, b"hush").json()
    with pytest.raises(RejectedError, match="bank: the response is not JSON"):
        HttpResponse("bank", 200, {}, b"[" * 200_000).json()
    with pytest.raises(RejectedError, match="bank: Card: number: Input should be a valid integer") as refused:
        HttpResponse("bank", 200, {}, b'{"number": "hush"}').parsed(Card)
    assert "hush" not in str(refused.value)


@pytest.mark.enforces("http_client.services.headers")
def test_configured_headers_are_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with Receiver((401, {}, b"hush")).running() as receiver:
        made = engine(receiver.url, headers={"Authorization": "Bearer hush"})
        with pytest.raises(OutageError, match="^bank returned status 401: it refuses the credentials$"):
            get(made, headers={"x-own": "1"})
        assert "hush" not in repr(vars(made)["_settings"]) + caplog.text
    (request,) = receiver.requests
    assert (request.headers["authorization"], request.headers["x-own"]) == ("Bearer hush", "1")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("a b", "x", "letters, digits and dashes"),
        ("Host", "x", "the client sets the header host itself"),
        ("content-length", "1", "the client sets the header content-length itself"),
        ("x-own", "hush\r\nx: y", "the value of the header x-own is not printable"),
        ("x-own", "hüsh", "the value of the header x-own is not printable"),
    ],
)
def test_headers_that_could_change_the_request_are_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(RejectedError, match=words) as refused:
        get(engine("http://127.0.0.1:1"), headers={name: value})
    assert value not in str(refused.value) or len(value) == 1
    with pytest.raises(ValidationError, match=words) as invalid:
        engine("http://127.0.0.1:1", headers={name: value})
    assert "hush" not in validation_text(invalid.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"services": [{"name": "a", "base_url": "ftp://a"}]}, "it is not a URL"),
        ({"services": [{"name": "a", "base_url": "https://"}]}, "it is not a URL"),
        ({"services": [{"name": "a", "base_url": "https://bänk"}]}, "it is not a URL"),
        ({"services": [{"name": "a", "base_url": "https://user:x@a"}]}, "it has a user, a query or a fragment"),
        ({"services": [{"name": "a", "base_url": "https://a?b"}]}, "it has a user, a query or a fragment"),
        ({"services": [{"name": "a", "base_url": "https://a:99999"}]}, "its port is not a number"),
        ({"services": 2 * [{"name": "a", "base_url": "https://a"}]}, "two services have the same name"),
        ({"allowed_origins": ["https://a/b"]}, "https://a/b has a path"),
        ({"idempotency_header": "a b"}, "letters, digits and dashes"),
        ({"private_networks": ["10.0.0.1/8"]}, "not a valid IPv4 or IPv6 network"),
    ],
)
def test_configuration_that_cannot_work_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelHttpClientSubcontract.model_validate(settings)


@pytest.mark.parametrize(
    ("path", "values", "words"),
    [
        ("../admin", {}, "a segment of dots"),
        ("/a/%2E%2e/b", {}, "a segment of dots"),
        ("/a\\..\\b", {}, "a segment of dots"),
        ("/a?b=c", {}, "the path has a query"),
        ("/a#b", {}, "the path has a query or a fragment"),
        ("/{a}", {"a": ".."}, "the value of a is empty or only dots"),
        ("/{a}", {"a": ""}, "the value of a is empty or only dots"),
        ("/a\nb", {}, "characters that no URL has"),
        ("/" + "a" * 70_000, {}, "the path is too long"),
        ("http://user@127.0.0.1/", {}, "the URL has a user"),
        ("http://127.0.0.1:2/", {}, "http://127.0.0.1:2 is no origin of this node"),
        ("http://169.254.169.254/latest", {}, "is no origin of this node"),
    ],
)
def test_paths_stay_below_the_base_url(path: str, values: dict[str, str], words: str) -> None:
    with pytest.raises(RejectedError, match=words):
        get(engine("http://127.0.0.1:1/v1"), path, values=values)


def test_a_path_that_looks_like_a_host_is_a_path() -> None:
    with Receiver().running() as receiver:
        get(engine(receiver.url), "//evil.example.org/@x:80")
        assert receiver.requests[0].path == "/evil.example.org/@x:80"


@pytest.mark.enforces("http_client.allowed_origins")
def test_absolute_urls_need_a_known_origin_and_other_origins_get_no_secrets() -> None:
    with Receiver().running() as receiver, Receiver().running() as other:
        made = engine(receiver.url, headers={"x-key": "hush"}, allowed_origins=[other.url])
        get(made, f"{receiver.url}/next?page=2")
        get(made, f"{other.url}/next")
        assert receiver.requests[0].path == "/next?page=2"
        assert receiver.requests[0].headers["x-key"] == "hush"
        assert "x-key" not in other.requests[0].headers


def test_a_request_without_a_service_is_for_the_one_of_its_url_or_the_only_one() -> None:
    with Receiver().running() as receiver, Receiver().running() as other:
        made = engine(receiver.url, headers={"x-key": "hush"}, allowed_origins=[other.url])
        paths = ["/a", f"{receiver.url}/b", f"{other.url}/{{c}}"]

        async def all_of_them(http: HttpClientEngine) -> HttpResponse:
            found = [await http.request("GET", path=path, values={"c": "c/d"}) for path in paths]
            assert [response.service for response in found] == ["bank", "bank", "http"]
            return found[0]

        called(made, all_of_them)
        assert [request.path for request in receiver.requests] == ["/a", "/b"]
        assert all(request.headers["x-key"] == "hush" for request in receiver.requests)
        assert [(request.path, request.headers.get("x-key")) for request in other.requests] == [("/c%2Fd", None)]
    with pytest.raises(ValueError, match="0 services are configured; name one of them"):
        called(engine("http://127.0.0.1:1", services=[]), lambda http: http.request("GET", path="/a"))
    with pytest.raises(RejectedError, match="http://127.0.0.1:2 is no origin of this node"):
        called(engine("http://127.0.0.1:1"), lambda http: http.request("GET", path="http://127.0.0.1:2/"))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False), ("fe80::1", False),
        ("fd00::1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
        ("2001:0:1:1::80ff:fffe", False), ("93.184.215.14", True), ("2606:2800:21f::1", True),
        ("::ffff:93.184.215.14", True), ("64:ff9b::5db8:d70e", True),
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str, allowed: bool) -> None:
    if allowed:
        assert permitted("host", [ip_address(address)], []) == [ip_address(address)]
    else:
        with pytest.raises(RejectedError, match="the host host is in a network that is not public"):
            permitted("host", [ip_address(address)], [])


@pytest.mark.enforces("http_client.private_networks")
def test_this_machine_is_refused_whatever_name_leads_there() -> None:
    with Receiver().running() as receiver:
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(RejectedError, match="is in a network that is not public"):
                get(engine(url, private_networks=["10.0.0.0/8"]))
        assert receiver.requests == []
        get(engine(receiver.url.replace("127.0.0.1", "localhost")))
        assert receiver.requests[0].headers["host"] == f"localhost:{receiver.port}"


def test_the_connection_goes_to_a_checked_address() -> None:
    """A name that leads elsewhere a moment later changes nothing, and the next address is tried."""
    asked: list[str] = []
    answers = [["10.0.0.1", "127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["10.0.0.1"]]

    async def moving(host: str, port: int) -> Sequence[Address]:
        asked.append(f"{host}:{port}")
        return [ip_address(address) for address in answers.pop(0)]

    with Receiver().running() as receiver:
        settings = {
            "services": [{"name": "bank", "base_url": f"http://bank.invalid:{receiver.port}"}],
            "private_networks": LOCAL,
        }
        made = HttpClientEngine(
            ModelHttpClientSubcontract.model_validate(settings), CURRENT_MESSAGE, ManualClock(), moving
        )
        assert get(made).status == get(made).status == 200, "the next address is tried, and no other than needed"
        assert receiver.requests[0].headers["host"] == f"bank.invalid:{receiver.port}"
        with pytest.raises(RejectedError, match="bank.invalid is in a network that is not public"):
            get(made)
    assert asked == 3 * [f"bank.invalid:{receiver.port}"]


def test_unknown_names_are_outages() -> None:
    with pytest.raises(OutageError, match="the host no-such-host.invalid has no address"):
        asyncio.run(resolve("no-such-host.invalid", 443))
    with pytest.raises(OutageError, match="has no address"):
        asyncio.run(resolve("a" * 70, 443))


def test_failures_are_those_that_the_agent_understands() -> None:
    for status in (408, 425, 500, 502, 599):
        with Receiver((status, {}, b"x" * 200_000)).running() as receiver:
            made = engine(receiver.url)
            with pytest.raises(TransientError, match=f"^bank returned status {status}$") as failed:
                get(made)
            assert not isinstance(failed.value, OutageError), "an attempt was made"
            assert made.reported_metrics() == {"requests": 1.0, "failed": 1.0, "waits": 0.0}
    for status, words in ((429, ""), (503, ""), (507, ""), (401, ": it refuses the credentials"), (407, ": it ")):
        with Receiver((status, {}, b"")).running() as receiver:
            with pytest.raises(OutageError, match=f"^bank returned status {status}{words}") as failed:
                get(engine(receiver.url))
            assert (failed.value.dependency, failed.value.for_all) == ("http.bank", False)
    for status in (302, 400, 404, 409, 422):
        with Receiver((status, {}, b"")).running() as receiver:
            with pytest.raises(RejectedError, match=f"^bank returned status {status}$"):
                get(engine(receiver.url))
            assert get(engine(receiver.url), accept=[status]).status == status
    with Receiver((304, {}, b"")).running() as receiver:
        assert get(engine(receiver.url)).status == 304
    with pytest.raises(OutageError, match="bank: no connection"):
        get(engine("http://127.0.0.1:1"))
    for reply in (b"", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"):
        with pytest.raises(TransientError, match="^bank: ") as cut:
            raw(reply)
        assert not isinstance(cut.value, OutageError)


@pytest.mark.enforces("http_client.max_retry_after_seconds")
@pytest.mark.parametrize(("status", "header", "seconds"), [(429, "20", 20), (503, "a date", 30), (503, "86400", 60)])
def test_a_service_that_asks_for_a_pause_gets_it(status: int, header: str, seconds: int) -> None:
    clock = ManualClock()
    date = format_datetime(to_datetime(clock.now_ms() + 30_000))
    pause = {"retry-after": date if header == "a date" else header}
    with Receiver((status, pause, b""), (200, {}, b"")).running() as receiver:
        made = engine(receiver.url, clock=clock, max_retry_after_seconds=60)
        with pytest.raises(OutageError, match=f"bank returned status {status} and asked for a pause") as failed:
            get(made)
        assert failed.value.retry_after == pytest.approx(seconds, abs=1)
        assert failed.value.for_all
        with pytest.raises(OutageError, match="bank asked for a pause of another"):
            get(made)
        assert len(receiver.requests) == 1
        assert made.reported_metrics() == {"requests": 1.0, "failed": 1.0, "waits": 1.0}
        clock.move_to(clock.monotonic() + seconds + 1)
        assert get(made).status == 200


@pytest.mark.enforces("http_client.timeout_seconds", "http_client.services.timeout_seconds")
def test_a_silent_service_is_disconnected() -> None:
    async def live() -> None:
        async with mute_server() as port:
            url = f"http://127.0.0.1:{port}"
            services = [{"name": "bank", "base_url": url}, {"name": "mail", "base_url": url, "timeout_seconds": 0.1}]
            made = engine(url, services=services, timeout_seconds=0.2)
            for service, timeout, limit in (("bank", None, 0.2), ("mail", None, 0.1), ("mail", 0.05, 0.05)):
                with pytest.raises(CallTimeoutError, match=f"{service}: no whole response within {limit} s"):
                    await asyncio.wait_for(made.request("GET", service, timeout=timeout), 20)
            await made.close()

    asyncio.run(live())


@pytest.mark.enforces("http_client.max_connections", "http_client.connect_timeout_seconds")
def test_connections_are_limited() -> None:
    async def live() -> None:
        async with mute_server() as port:
            made = engine(f"http://127.0.0.1:{port}", max_connections=1, connect_timeout_seconds=1)
            # Which of the two has the connection is not known: the other is refused, and this one is still asked.
            asking = [asyncio.ensure_future(made.get("bank")) for _ in range(2)]
            refused, kept = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            with pytest.raises(TransientError, match="bank: no free connection within 1 s"):
                await refused.pop()
            assert len(kept) == 1
            kept.pop().cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await made.close()

    asyncio.run(live())


def test_a_connection_that_is_not_made_in_time_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("anyio.connect_tcp", never)
    with pytest.raises(OutageError, match="bank: no connection within 0.05 s"):
        get(engine("http://127.0.0.1:9", connect_timeout_seconds=0.05))


@pytest.mark.enforces("http_client.keep_alive_seconds")
def test_connections_are_reused_for_a_while() -> None:
    async def connections(seconds: float) -> int:
        count = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            count += 1
            while await reader.read(4096):
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        made = engine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", keep_alive_seconds=seconds)
        for _ in range(3):
            await made.get("bank")
        await made.close()
        server.close()
        return count

    assert asyncio.run(connections(30)) == 1
    assert asyncio.run(connections(0)) == 3


@pytest.mark.enforces("http_client.max_request_bytes", "http_client.max_response_bytes")
def test_bodies_are_limited() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with Receiver((200, {}, b"x" * 11), (200, {"content-encoding": "gzip"}, bomb)).running() as receiver:
        made = engine(receiver.url, max_request_bytes=10, max_response_bytes=10)
        tracemalloc.start()
        try:
            for _ in range(2):
                with pytest.raises(RejectedError, match="bank: the response has more than 10 bytes"):
                    get(made)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4_000_000
        with pytest.raises(RejectedError, match="bank: a body of 11 bytes, 10 are allowed"):
            called(made, lambda http: http.request("POST", "bank", content=b"x" * 11))
        assert len(receiver.requests) == 2
    with Receiver((200, {}, b"x" * 10)).running() as receiver:
        assert get(engine(receiver.url, max_response_bytes=10)).content == b"x" * 10
    empty_blocks = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 1_000
    with Receiver((200, {"content-encoding": "gzip"}, empty_blocks)).running() as receiver:
        with pytest.raises(RejectedError, match="more than 10 bytes"):
            get(engine(receiver.url, max_response_bytes=10))
    with pytest.raises(RejectedError, match="bank: JSON has no infinite numbers"):
        post(engine("http://127.0.0.1:1"), json={"a": float("inf")})


def test_compressed_responses() -> None:
    packed = gzip.compress(b"words")
    with Receiver((200, {"content-encoding": "gzip"}, packed)).running() as receiver:
        assert get(engine(receiver.url)).text == "words"
        assert receiver.requests[0].headers["accept-encoding"] == "gzip"
    for body in (packed[:-4], packed + b"more"):
        with Receiver((200, {"content-encoding": "gzip"}, body)).running() as receiver:
            with pytest.raises(TransientError, match="bank: the compressed response is cut off"):
                get(engine(receiver.url))
    with Receiver((200, {"content-encoding": "gzip"}, b"words")).running() as receiver:
        with pytest.raises(TransientError, match="bank: the compressed response is damaged"):
            get(engine(receiver.url))
    with Receiver((200, {"content-encoding": "br"}, b"words")).running() as receiver:
        with pytest.raises(RejectedError, match="compressed in a way that was not requested"):
            get(engine(receiver.url))
    with Receiver((200, {"content-encoding": "gzip"}, b"")).running() as receiver:
        assert get(engine(receiver.url)).content == b""


@pytest.mark.enforces("http_client.max_redirects")
def test_redirects_are_followed_when_the_contract_says_so_and_to_known_origins() -> None:
    with Receiver((200, {}, b"there")).running() as other:
        away = (307, {"location": f"{other.url}/there"}, b"x")
        with Receiver(away).running() as receiver:
            for number in (0, 1):
                with pytest.raises(RejectedError, match="more than 0 redirects|is no origin of this node"):
                    get(engine(receiver.url, max_redirects=number))
            assert other.requests == []
            made = engine(receiver.url, headers={"x-key": "hush"}, max_redirects=1, allowed_origins=[other.url])
            assert post(made, json={"a": 1}, headers={"x-own": "hush"}).text == "there"
            (request,) = other.requests
            assert json.loads(request.body) == {"a": 1}
            assert "hush" not in str(request.headers)
            assert request.headers["traceparent"] == CURRENT_MESSAGE.trace_parent
            assert request.headers["idempotency-key"] == receiver.requests[-1].headers["idempotency-key"]
            assert request.headers["host"] == f"127.0.0.1:{other.port}"
    with Receiver((302, {"location": "/b"}, b""), (200, {}, b"b")).running() as receiver:
        made = engine(receiver.url, headers={"x-key": "hush"}, max_redirects=1)
        assert get(made, "/a").text == "b"
        assert receiver.requests[1].headers["x-key"] == "hush"
    with Receiver((302, {"location": "/"}, b"")).running() as receiver:
        with pytest.raises(RejectedError, match="bank: more than 3 redirects"):
            get(engine(receiver.url, max_redirects=3))
        assert len(receiver.requests) == 4
        assert get(engine(receiver.url, max_redirects=3), accept=[302]).status == 302


@pytest.mark.enforces("http_client.idempotency_header")
def test_attempts_of_a_message_have_the_same_key() -> None:
    with Receiver().running() as receiver:
        for _ in range(2):
            post(engine(receiver.url), "/a", json=1)
        post(engine(receiver.url), "/a", json=2)
        post(engine(receiver.url), "/b", json=1)
        post(engine(receiver.url, FakeCurrentMessage("m-2")), "/a", json=1)
        post(engine(receiver.url), "/a", json=1, idempotency_key="mine")
        post(engine(receiver.url, FakeCurrentMessage()), "/a", json=1)
        get(engine(receiver.url), "/a")
        post(engine(receiver.url, idempotency_header=""), "/a", json=1)
        post(engine(receiver.url, idempotency_header="x-once"), "/a", json=1)
        keys = [request.headers.get("idempotency-key") for request in receiver.requests]
        assert keys[0] == keys[1]
        assert keys[5:9] == ["mine", None, None, None]
        assert len({keys[0], *keys[2:5]}) == 4
        assert receiver.requests[9].headers["x-once"] == keys[0]
    with pytest.raises(RejectedError, match="the value of the header idempotency-key is not printable"):
        post(engine("http://127.0.0.1:1"), idempotency_key="a\nb")


@pytest.mark.enforces("http_client.trace_headers")
def test_the_trace_continues() -> None:
    with Receiver().running() as receiver:
        message = FakeCurrentMessage("m", trace_parent="00-1-2-01", headers={"tracestate": "a=b"})
        get(engine(receiver.url, message))
        get(engine(receiver.url))
        get(engine(receiver.url, FakeCurrentMessage()))
        get(engine(receiver.url, message, trace_headers=False))
        seen = [(one.headers.get("traceparent"), one.headers.get("tracestate")) for one in receiver.requests]
        assert seen == [("00-1-2-01", "a=b"), (CURRENT_MESSAGE.trace_parent, None), (None, None), (None, None)]


def test_cookies_and_proxies_of_the_environment_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Receiver((200, {"set-cookie": "session=of-another-message"}, b"")).running() as receiver:

        async def twice(http: HttpClientEngine) -> HttpResponse:
            await http.get("bank")
            return await http.get("bank")

        called(engine(receiver.url), twice)
        assert "cookie" not in receiver.requests[1].headers


@pytest.mark.enforces("http_client.ca_file")
def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async def call(host: str, ca_file: str) -> HttpResponse:
        key, certificate = authority.server("localhost")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        async with raw_server(reply, tls=tls) as port:
            made = engine(f"https://{host}:{port}", ca_file=ca_file)
            try:
                return await made.get("bank")
            finally:
                await made.close()

    assert asyncio.run(call("localhost", str(authority.file))).text == "ok"
    for host, ca_file in (("localhost", ""), ("127.0.0.1", str(authority.file))):
        with pytest.raises(OutageError, match="bank: no connection: .*CERTIFICATE_VERIFY_FAILED"):
            asyncio.run(call(host, ca_file))
    with pytest.raises(OSError, match="No such file"):
        get(engine("https://localhost:1", ca_file=str(tmp_path / "none.pem")))


def test_a_redirect_to_plain_http_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    reply = b"HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\ncontent-length: 0\r\n\r\n"

    async def live() -> None:
        key, certificate = authority.server("localhost")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        async with raw_server(reply, tls=tls) as port:
            made = engine(
                f"https://localhost:{port}",
                ca_file=str(authority.file),
                max_redirects=1,
                allowed_origins=["http://localhost"],
            )
            with pytest.raises(RejectedError, match="bank: a redirect from https to http"):
                await made.get("bank")
            await made.close()

    asyncio.run(live())


def test_a_request_that_is_no_http_is_refused() -> None:
    """What the checks of headers let through, the protocol library may still refuse: for good."""
    with Receiver().running() as receiver:
        with pytest.raises(RejectedError, match="bank: the request is not valid HTTP"):
            get(engine(receiver.url), headers={"content-type": " \t"})


@pytest.mark.enforces("http_client.services.check_path", "http_client.services.check_critical")
def test_a_node_calls_services_and_checks_their_health() -> None:
    class Node(MixinHttpClient, NodeEffect):
        pass

    async def live(receiver: Receiver) -> None:
        node = Node()
        services = [
            {"name": "bank", "base_url": receiver.url, "check_path": "/health", "headers": {"x-key": "k"}},
            {"name": "mail", "base_url": receiver.url, "check_path": "/up", "check_critical": False},
            {"name": "none", "base_url": receiver.url},
        ]
        settings = {"services": services, "private_networks": LOCAL}
        node.container = container(ModelHttpClientSubcontract.model_validate(settings))
        assert (await node.http_client.get("none")).status == 200
        checks = node.container.get(HealthChecks).all
        assert {name: check.critical for name, check in checks.items()} == {"http.bank": True, "http.mail": False}
        await checks["http.bank"].probe()
        with pytest.raises(TransientError, match="mail returned status 500"):
            await checks["http.mail"].probe()

    with Receiver((200, {}, b""), (200, {}, b""), (500, {}, b"")).running() as receiver:
        asyncio.run(live(receiver))
        assert [request.path for request in receiver.requests] == ["/", "/health", "/up"]
        assert receiver.requests[1].headers["x-key"] == "k"


def test_engines_with_equal_clients_share_one_and_the_last_one_closes_it() -> None:
    async def live() -> None:
        process, count = ProcessResources(), 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            count += 1
            while await reader.read(4096):
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        def made(**settings: object) -> HttpClientEngine:
            values = {"services": [{"name": "bank", "base_url": url}], "private_networks": LOCAL, **settings}
            wanted = ModelHttpClientSubcontract.model_validate(values)
            return HttpClientEngine(wanted, CURRENT_MESSAGE, ManualClock(), shared=SharedResources(process))

        first, second, other = made(), made(timeout_seconds=3), made(max_connections=2)
        for each in (first, second, other):
            await each.open()
        for each in (first, second, other):
            await each.get("bank")
        assert count == 2
        await first.close()
        await first.close()
        await second.get("bank")
        assert count == 2
        await second.close()
        await other.close()
        assert process.of_running_loop() == {}
        server.close()

    asyncio.run(live())
