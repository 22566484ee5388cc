"""MixinLogAggregation: limits, batches, and what becomes of lines when the collector is away or refuses them."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs
from typing_extensions import override

from onex.capability import Composition, HealthChecks, Reports, SharedResources
from onex.capability.log_lines import AGENT_LINES, LogLines
from onex.errors import TransientError
from onex.mixins.log_aggregation import MixinLogAggregation, ModelLogAggregationSubcontract
from onex.mixins.log_aggregation.collector import Collector, EnumOutcome, Outcome
from onex.mixins.log_aggregation.engine import LogAggregationEngine
from onex.mixins.log_aggregation.line_queue import LineQueue
from onex.mixins.log_aggregation.records import RequestBodies
from onex.mixins.log_aggregation.sender import Sender
from onex.mixins.logging import MixinLogging
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.certificates import Authority
from tests.mixins.helpers import CURRENT_MESSAGE, IDENTITY, Receiver, Response, container, mute_server

OK: Response = (200, {}, b"{}")
ACCEPTED = Outcome(EnumOutcome.ACCEPTED)
FAILED = Outcome(EnumOutcome.FAILED, "gone")


class Aggregation:
    """An engine and what is around it."""

    def __init__(self, settings: ModelLogAggregationSubcontract) -> None:
        self.clock, self.lines, self.checks, self.reports = ManualClock(), LogLines(), HealthChecks(), Reports()
        self.engine = LogAggregationEngine(
            settings,
            IDENTITY,
            self.clock,
            CURRENT_MESSAGE,
            self.lines,
            self.checks,
            SharedResources(),
            lambda event, detail: self.reports.report("log_aggregation", "collector", event, detail),
        )

    def put(self, *events: str, level: str = "info") -> None:
        for event in events:
            self.engine.of_node({"level": level, "event": event})

    def waiting(self) -> list[str]:
        return [each.decode() for each in vars(vars(self.engine)["_queue"])["_lines"]]

    def figures(self, *names: str) -> list[float]:
        return [self.engine.reported_metrics()[name] for name in names]

    def events(self) -> list[tuple[str, str]]:
        return [(each.event, each.detail) for each in self.reports.take()]


def model(**settings: object) -> ModelLogAggregationSubcontract:
    return ModelLogAggregationSubcontract.model_validate(settings)


def events(body: bytes) -> list[str]:
    (resource,) = json.loads(body)["resourceLogs"]
    return [each["body"]["stringValue"] for each in resource["scopeLogs"][0]["logRecords"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(OK).running() as made:
        yield made


class FakeCollector(Collector):
    """Replies what a function says about the lines of a request."""

    def __init__(self, reply: Callable[[Sequence[str]], Outcome]) -> None:
        super().__init__(model(), ManualClock(), SharedResources())
        self.reply = reply
        self.requests: list[list[str]] = []

    @override
    async def post(self, body: bytes, lines: int) -> Outcome:
        found = [str(each) for each in json.loads(body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]]
        assert len(found) == lines
        self.requests.append(found)
        return self.reply(found)


class Sending:
    """A sender with a fake collector."""

    def __init__(self, reply: Callable[[Sequence[str]], Outcome], lines: int = 0, **settings: object) -> None:
        wanted = model(**settings)
        self.queue = LineQueue(wanted.max_waiting_lines, wanted.max_waiting_bytes, wanted.drop_policy)
        self.collector = FakeCollector(reply)
        self.reports: list[tuple[str, str]] = []
        bodies = RequestBodies(IDENTITY)
        self.sender = Sender(wanted, self.queue, bodies, self.collector, lambda *each: self.reports.append(each))
        self.put(*range(lines))

    def put(self, *lines: object) -> None:
        for line in lines:
            self.queue.put(str(line).encode())

    def flush(self) -> bool:
        return asyncio.run(self.sender.flush())

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.sender.sent, self.sender.refused, self.queue.dropped


@pytest.mark.enforces("log_aggregation.endpoint", "log_aggregation.token", "log_aggregation.headers")
def test_lines_are_sent_to_the_endpoint_with_the_credentials(receiver: Receiver) -> None:
    async def live() -> None:
        headers = {"x-scope": "team-a"}
        made = Aggregation(model(endpoint=f"{receiver.url}/otel/", token="hush", headers=headers))
        made.put("a", "b")
        assert await made.engine.flush()
        assert await made.engine.flush()
        assert made.figures("sent", "waiting", "waiting_bytes") == [2, 0, 0]
        await made.engine.close()

    asyncio.run(live())
    (request,) = receiver.requests
    assert request.path == "/otel/v1/logs"
    assert request.headers["content-type"] == "application/json"
    assert (request.headers["authorization"], request.headers["x-scope"]) == ("Bearer hush", "team-a")
    assert "idempotency-key" not in request.headers
    assert events(request.body) == ["a", "b"]


@pytest.mark.enforces("log_aggregation.ca_file")
def test_certificates_are_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def live(ca_file: str) -> list[float]:
        async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        key, certificate = authority.server("localhost")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        server = await asyncio.start_server(reply, "127.0.0.1", 0, ssl=tls)
        async with server:
            port = server.sockets[0].getsockname()[1]
            made = Aggregation(model(endpoint=f"https://localhost:{port}", ca_file=ca_file))
            made.put("a")
            await made.engine.flush()
            await made.engine.close()
            return made.figures("sent", "failures")

    assert asyncio.run(live(str(authority.file))) == [1, 0]
    assert asyncio.run(live("")) == [0, 1]
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(Aggregation(model(endpoint="https://localhost", ca_file=str(tmp_path / "none"))).engine.open())


@pytest.mark.enforces("log_aggregation.least_level")
def test_lower_levels_are_not_sent() -> None:
    made = Aggregation(model(least_level="WARNING"))
    for level in ("debug", "info", "odd", "warning", "error", "critical"):
        made.put(level, level=level)
    assert [json.loads(line)["body"]["stringValue"] for line in made.waiting()] == ["warning", "error", "critical"]


@pytest.mark.enforces("log_aggregation.agent_lines")
def test_lines_of_the_node_and_of_the_agent() -> None:
    async def live(agent_lines: bool) -> list[str]:
        made = Aggregation(model(agent_lines=agent_lines, flush_at_stop_seconds=0, flush_interval_seconds=300))
        made.lines.put({"event": "too early"})
        await made.engine.open()
        made.lines.put({"event": "of the node"})
        AGENT_LINES.put({"event": "of the agent"})
        found = made.waiting()
        await made.engine.close()
        made.lines.put({"event": "too late"})
        AGENT_LINES.put({"event": "too late"})
        assert made.waiting() == []
        assert made.figures("dropped") == [len(found)]
        return [json.loads(line)["attributes"][0]["value"]["stringValue"] for line in found]

    assert asyncio.run(live(True)) == ["node", "agent"]
    assert asyncio.run(live(False)) == ["node"]


@pytest.mark.enforces("log_aggregation.max_line_bytes")
def test_long_lines_are_cut_and_counted() -> None:
    made = Aggregation(model(max_line_bytes=2_000))
    made.put("x" * 10_000, "short")
    long, short = made.waiting()
    assert len(short) < len(long) <= 2_000
    assert made.figures("cut", "waiting_bytes") == [1, len(long) + len(short)]


def test_a_line_without_an_encoding_is_counted_and_no_work_fails() -> None:
    class Level:
        @override
        def __str__(self) -> str:
            raise KeyError("no level")

    made = Aggregation(model())
    made.engine.of_node({"level": Level(), "event": "a"})
    made.put("b")
    assert made.figures("unencodable", "waiting") == [1, 1]


@pytest.mark.enforces(
    "log_aggregation.max_waiting_lines", "log_aggregation.max_waiting_bytes", "log_aggregation.drop_policy"
)
def test_waiting_lines_are_limited_in_number_and_bytes() -> None:
    made = Sending(lambda _: FAILED, 12, max_waiting_lines=10)
    assert made.counts == (0, 0, 2)
    assert list(made.queue.take(99, 99)) == [str(number).encode() for number in range(2, 12)]
    made = Sending(lambda _: FAILED, 12, max_waiting_lines=10, drop_policy="newest")
    assert list(made.queue.take(99, 99))[-1] == b"9"
    assert made.queue.bytes == 0
    for policy, expected in (("oldest", [9_000] * 1), ("newest", [8_000] * 2)):
        made = Sending(lambda _: FAILED, max_waiting_bytes=16_384, drop_policy=policy, max_line_bytes=8_192)
        made.put("x" * 8_000, "x" * 8_000, "y" * 9_000)
        assert made.queue.dropped == 3 - len(expected)
        assert [len(line) for line in made.queue.take(99, 99_999)] == expected
    with pytest.raises(ValidationError, match="max_waiting_bytes .* is below max_line_bytes"):
        model(max_line_bytes=30_000, max_waiting_bytes=20_000)


@pytest.mark.enforces("log_aggregation.max_batch_lines", "log_aggregation.max_request_bytes")
def test_batches_are_limited_in_number_and_bytes() -> None:
    made = Sending(lambda _: ACCEPTED, 10, max_batch_lines=4)
    assert made.flush()
    assert [len(request) for request in made.collector.requests] == [4, 4, 2]
    made = Sending(lambda _: ACCEPTED, max_request_bytes=16_384, max_line_bytes=8_192)
    made.put(*[f'"{"x" * 5_000}"'] * 7)
    assert made.flush()
    assert [len(request) for request in made.collector.requests] == [3, 3, 1]
    assert made.counts == (7, 0, 0)
    assert list(LineQueue(9, 99, model().drop_policy).take(9, 99)) == []


def test_lines_that_arrive_meanwhile_wait_for_the_next_attempt() -> None:
    def reply(_: Sequence[str]) -> Outcome:
        made.put("1")
        return ACCEPTED

    made = Sending(reply, 3, max_batch_lines=1)
    assert made.flush()
    assert made.counts == (3, 0, 0)
    assert len(made.queue) == 3


def test_a_batch_that_is_being_sent_is_not_dropped_for_new_lines() -> None:
    def reply(_: Sequence[str]) -> Outcome:
        made.put(*range(10, 20))
        made.collector.reply = lambda _: ACCEPTED
        return ACCEPTED

    made = Sending(reply, 10, max_waiting_lines=10)
    assert made.flush()
    assert made.flush()
    assert made.counts == (20, 0, 0)


def test_a_long_line_takes_the_place_of_several_while_a_batch_is_sent() -> None:
    def reply(_: Sequence[str]) -> Outcome:
        made.put(f'"{"x" * 16_300}"')
        made.collector.reply = lambda _: ACCEPTED
        return ACCEPTED

    made = Sending(reply, max_waiting_bytes=16_384, max_batch_lines=1, max_line_bytes=8_192)
    made.put(*[f'"{"y" * 400}"'] * 5)
    assert made.flush()
    assert made.counts == (2, 0, 4)


def test_a_failed_batch_stays_and_is_sent_once() -> None:
    outcomes = [FAILED, FAILED, ACCEPTED, ACCEPTED, ACCEPTED]
    made = Sending(lambda _: outcomes.pop(0), 10, max_batch_lines=5, max_waiting_lines=10)
    with capture_logs() as logs:
        assert not made.flush()
        assert (made.sender.lines, made.sender.problem, len(made.queue)) == (5, "gone", 5)
        made.put(*range(10, 17))
        assert not made.flush()
        assert made.flush()
    assert made.collector.requests[2] == [str(number) for number in range(5)]
    assert made.counts == (15, 0, 2)
    assert made.sender.failures == 2
    assert made.reports == [("unreachable", "gone"), ("reached", "")]
    assert [(line["event"], line.get("dropped")) for line in logs] == [
        ("log lines not delivered", None),
        ("log lines delivered again", 2),
    ]


def test_a_refused_request_is_split_until_the_refused_line_is_alone() -> None:
    def reply(lines: Sequence[str]) -> Outcome:
        return Outcome(EnumOutcome.REFUSED, "status 413") if "300" in lines else ACCEPTED

    made = Sending(reply, 512)
    assert made.flush()
    assert made.counts == (511, 1, 0)
    assert made.sender.failures == 10
    delivered = [line for request in made.collector.requests if "300" not in request for line in request]
    assert delivered == [str(number) for number in range(512) if number != 300]


def test_a_collector_that_refuses_every_request_is_not_flooded() -> None:
    made = Sending(lambda _: Outcome(EnumOutcome.REFUSED, "status 400"), 512)
    assert made.flush()
    assert made.counts == (0, 512, 0)
    assert len(made.collector.requests) < 60


def test_an_attempt_that_fails_within_a_split_continues_there() -> None:
    refused = Outcome(EnumOutcome.REFUSED, "status 413")
    outcomes = [refused, ACCEPTED, FAILED]
    made = Sending(lambda _: outcomes.pop(0), 4)
    assert not made.flush()
    outcomes.append(ACCEPTED)
    assert made.flush()
    assert made.collector.requests[1:] == [["0", "1"], ["2", "3"], ["2", "3"]]
    assert made.counts == (4, 0, 0)


@pytest.mark.parametrize(
    ("body", "refused", "problem"),
    [
        (
            b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too\\u001b old"}}',
            2,
            r"2 of 3 lines: too\\u001b old",
        ),
        (b'{"partialSuccess":{"rejectedLogRecords":99}}', 3, "collector refused 3 of 3 lines"),
        (b'{"partialSuccess":{"errorMessage":"slow down"}}', 0, ""),
        (b'{"partialSuccess":null}', 0, ""),
        (b'{"partialSuccess":{"rejectedLogRecords":-1}}', 0, ""),
        (b"fine", 0, ""),
        (b"", 0, ""),
    ],
)
def test_lines_that_are_refused_within_an_accepted_request(body: bytes, refused: int, problem: str) -> None:
    async def live(url: str) -> None:
        made = Aggregation(model(endpoint=url))
        made.put("a", "b", "c")
        assert await made.engine.flush()
        assert made.figures("sent", "refused", "waiting") == [3 - refused, refused, 0]
        if problem:
            with pytest.raises(TransientError) as caught:
                await made.engine.probe()
            assert str(caught.value).endswith(problem.replace("\\\\", "\\"))
        else:
            await made.engine.probe()
        await made.engine.close()

    with Receiver((200, {}, body)).running() as receiver:
        asyncio.run(live(receiver.url))
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_statuses_about_the_content_split(status: int) -> None:
    async def live(url: str) -> None:
        made = Aggregation(model(endpoint=url))
        made.put("a", "b")
        assert await made.engine.flush()
        assert made.figures("sent", "refused", "failures") == [1, 1, 2]
        await made.engine.close()

    with Receiver((status, {}, b""), (status, {}, b""), OK).running() as receiver:
        asyncio.run(live(receiver.url))
    assert [events(request.body) for request in receiver.requests] == [["a", "b"], ["a"], ["b"]]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 429, 500, 503])
def test_other_statuses_keep_the_lines(status: int) -> None:
    async def live(url: str) -> None:
        made = Aggregation(model(endpoint=url))
        made.put("a", "b")
        assert not await made.engine.flush()
        with pytest.raises(TransientError, match=str(status)):
            await made.engine.probe()
        assert made.figures("waiting", "failures") == [2, 1]
        assert await made.engine.flush()
        await made.engine.probe()
        assert made.figures("sent", "waiting") == [2, 0]
        assert [event for event, _ in made.events()] == ["unreachable", "reached"]
        await made.engine.close()

    with Receiver((status, {"location": "/"}, b""), OK).running() as receiver:
        asyncio.run(live(receiver.url))


@pytest.mark.enforces("log_aggregation.max_retry_after_seconds")
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_the_collector_asks_for(status: int) -> None:
    async def live(url: str) -> None:
        made = Aggregation(model(endpoint=url, max_retry_after_seconds=60, base_delay_seconds=0.1))
        made.put("a")
        assert not await made.engine.flush()
        sender = vars(made.engine)["_sender"]
        assert sender.delay(1) == 60
        made.clock.move_to(made.clock.monotonic() + 59)
        assert not await made.engine.flush()
        assert sender.delay(1) == pytest.approx(1)
        made.clock.move_to(made.clock.monotonic() + 1)
        assert await made.engine.flush()
        await made.engine.close()

    with Receiver((status, {"retry-after": "3600"}, b""), OK).running() as receiver:
        asyncio.run(live(receiver.url))
    assert len(receiver.requests) == 2


@pytest.mark.enforces("log_aggregation.base_delay_seconds", "log_aggregation.max_delay_seconds")
def test_delays_grow() -> None:
    sender = Sending(lambda _: FAILED, base_delay_seconds=2, max_delay_seconds=30).sender
    for failures, delay in ((1, 2), (2, 4), (4, 16), (5, 30), (10**6, 30)):
        found = {sender.delay(failures) for _ in range(50)}
        assert 0.8 * delay <= min(found) < max(found) <= 1.2 * delay
    with pytest.raises(ValidationError, match="max_delay_seconds .* is below base_delay_seconds"):
        model(base_delay_seconds=2, max_delay_seconds=1)


@pytest.mark.enforces("log_aggregation.timeout_seconds", "log_aggregation.flush_at_stop_seconds")
def test_a_collector_that_never_responds_delays_neither_lines_nor_the_stop() -> None:
    async def live() -> None:
        async with mute_server() as port:
            made = Aggregation(model(endpoint=f"http://127.0.0.1:{port}", timeout_seconds=0.05))
            made.put("a")
            assert not await made.engine.flush()
            with pytest.raises(TransientError, match=r"collector: no whole response within 0\.05 s"):
                await made.engine.probe()
            made = Aggregation(
                model(endpoint=f"http://127.0.0.1:{port}", timeout_seconds=300, flush_at_stop_seconds=0.05)
            )
            await made.engine.open()
            made.put("b")
            await made.engine.close()
            assert made.figures("dropped", "waiting") == [1, 0]

    asyncio.run(asyncio.wait_for(live(), 30))


def test_lines_that_are_dropped_while_a_request_is_under_way() -> None:
    def reply(_: Sequence[str]) -> Outcome:
        made.sender.drop()
        return ACCEPTED

    made = Sending(reply, 3)
    assert made.flush()
    assert made.counts == (0, 0, 3)


@pytest.mark.enforces("log_aggregation.flush_interval_seconds")
def test_the_task_sends_at_intervals_and_a_full_batch_before(receiver: Receiver) -> None:
    async def live() -> None:
        made = Aggregation(model(endpoint=receiver.url, flush_interval_seconds=0.01))
        await made.engine.open()
        assert list(made.checks.all) == ["log_aggregation"]
        assert not made.checks.all["log_aggregation"].critical
        made.put("a")
        await until(lambda: made.figures("sent") == [1])
        await made.engine.close()
        assert list(made.checks.all) == []
        made = Aggregation(model(endpoint=receiver.url, flush_interval_seconds=300, max_batch_lines=3))
        await made.engine.open()
        await asyncio.sleep(0)  # the task waits now
        thread = Thread(target=made.put, args=("b", "c", "d"))
        thread.start()
        await until(lambda: made.figures("sent") == [3])
        thread.join()
        made.put("e")
        await made.engine.close()
        assert made.figures("sent", "dropped") == [4, 0], "the stop sends the last lines"
        await made.engine.open()
        made.put("g", "h", "i")
        await until(lambda: made.figures("sent") == [7])
        await made.engine.close()

    asyncio.run(asyncio.wait_for(live(), 30))


def test_the_task_tries_again(receiver: Receiver) -> None:
    receiver.responses = [(500, {}, b""), (500, {}, b""), OK]

    async def live() -> None:
        made = Aggregation(model(endpoint=receiver.url, base_delay_seconds=0.001, max_delay_seconds=0.001))
        made.put("a")
        await made.engine.open()
        await until(lambda: made.figures("sent") == [1])
        assert made.figures("failures") == [2]
        await made.engine.close()

    asyncio.run(asyncio.wait_for(live(), 30))


def test_a_line_after_the_loop_has_ended_waits() -> None:
    async def live() -> Aggregation:
        made = Aggregation(model(max_batch_lines=1, flush_interval_seconds=300))
        await made.engine.open()
        return made

    made = asyncio.run(live())
    made.put("a", "b")
    AGENT_LINES.leave(made.engine.of_agent)
    assert made.figures("waiting") == [2]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


class NodeLoggingEffect(MixinLogAggregation, MixinLogging, NodeEffect):
    """Logs."""


def test_a_node_sends_its_lines_and_reports(receiver: Receiver) -> None:
    async def live() -> None:
        node = NodeLoggingEffect()
        node.container = container(model(endpoint=receiver.url))
        composition = Composition(node)
        await composition.start()
        node.log.error("refused", order="o-1", token="hush")
        receiver.responses = [(503, {}, b""), OK]
        assert not await node.log_aggregation.flush()
        reports = [(each.capability, each.subject, each.event) for each in node.container.get(Reports).take()]
        assert reports == [("log_aggregation", "collector", "unreachable")]
        await composition.stop()

    asyncio.run(live())
    body = receiver.requests[-1].body
    assert events(body) == ["refused"]
    assert b"o-1" in body
    assert b"hush" not in body


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"endpoint": "http://["}, "endpoint"),
        ({"endpoint": "http://bank:x"}, "port is not a number"),
        ({"endpoint": "http://ann:pw@bank"}, "endpoint"),
        ({"endpoint": "http://bank/?a=b"}, "query"),
        ({"endpoint": "ftp://bank"}, "endpoint"),
        ({"endpoint": "http://"}, "endpoint"),
        ({"token": "schlüssel-€"}, "not printable ASCII"),
        ({"token": "a\r\nb: c"}, "not printable ASCII"),
        ({"headers": {"a b": "c"}}, "letters, digits and dashes"),
        ({"headers": {"host": "c"}}, "the client sets the header host itself"),
        ({"headers": {"Content-Type": "text/plain"}}, "content-type is always application/json"),
        ({"headers": {"Authorization": "Basic x"}, "token": "t"}, "keep one"),
        (
            {"max_line_bytes": 16_384, "max_request_bytes": 20_000},
            "max_request_bytes .* is below twice max_line_bytes",
        ),
        ({"sensitive_field_patterns": ["(a|b)"]}, "is no name"),
    ],
)
def test_wrong_settings(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as caught:
        model(**settings)
    assert "schl" not in str(caught.value).partition("[type=")[0]
    assert model(headers={"Authorization": "Basic x"}).sent_headers() == {"Authorization": SecretStr("Basic x")}
