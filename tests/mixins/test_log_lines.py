"""Log lines as records of OTLP: values, limits, secrets, levels, traces, and where lines come from."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from itertools import count
from typing import cast

import pytest
import structlog
from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider, use_span
from pydantic import BaseModel, SecretStr
from typing_extensions import override

from onex.agent.process.logs import configure_logs
from onex.capability import NodeIdentity
from onex.capability.log_lines import AGENT_LINES, LogLines
from onex.mixins.log_aggregation import ModelLogAggregationSubcontract
from onex.mixins.log_aggregation.records import LineEncoder, RequestBodies
from onex.mixins.logging import ModelLoggingSubcontract
from onex.mixins.logging.engine import LoggingEngine
from onex.mixins.tracing import ModelTracingSubcontract
from onex.mixins.tracing.engine import TracingEngine
from onex.settings import Settings
from onex.testing.clock import ManualClock
from onex.util.redaction import Redactor
from tests.mixins.helpers import CURRENT_MESSAGE, IDENTITY, FakeCurrentMessage

Json = dict[str, object]
_TRACE, _SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def encoder(most_bytes: int = 16_384, message: FakeCurrentMessage | None = None, *hidden: str) -> LineEncoder:
    names = hidden or ("password", "secret", "token", "key")
    return LineEncoder(Redactor(names), most_bytes, IDENTITY, ManualClock(), message or FakeCurrentMessage())


def plain(value: Json) -> object:
    """Return the Python value of an ``AnyValue``."""
    match value:
        case {"kvlistValue": {"values": list(pairs)}}:
            return facts_of(pairs)
        case {"arrayValue": {"values": list(items)}}:
            return [plain(item) for item in items]
        case {"intValue": str(digits)}:
            return int(digits)
        case {}:
            return next(iter(value.values()), None)


def facts_of(pairs: object) -> Json:
    return {pair["key"]: plain(pair["value"]) for pair in cast(list[dict[str, Json]], pairs)}  # type: ignore[misc]


def record(made: LineEncoder, line: Mapping[str, object]) -> Json:
    return cast(Json, json.loads(made.encode(line, "node")[0]))


def facts(made: LineEncoder, line: Mapping[str, object]) -> Json:
    return facts_of(record(made, line)["attributes"])


class Color(Enum):
    """Colors."""

    RED = "red"


class Size(IntEnum):
    """Sizes."""

    BIG = 3


@dataclass
class Basket:
    """A dataclass with a secret."""

    password: str
    count: int = 1
    more: list[object] = field(default_factory=list)


class Card(BaseModel):
    """A model with a secret."""

    number: int
    api_key: str = "hush"
    pin: SecretStr = SecretStr("hush")


class Unwilling:
    """A value that cannot be shown."""

    @override
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Endless(Mapping[str, int]):
    """A mapping without an end."""

    @override
    def __getitem__(self, name: str) -> int:
        return 1

    @override
    def __iter__(self) -> Iterator[str]:
        return (str(number) for number in count())

    @override
    def __len__(self) -> int:
        return 1


def test_a_record() -> None:
    made = encoder(message=CURRENT_MESSAGE)
    line = {
        "timestamp": "2026",
        "level": "warning",
        "event": "sold",
        "order": "o-1",
        "node": IDENTITY.name,
        "version": 7,
    }
    assert record(made, line) == {
        "timeUnixNano": str(ManualClock().now_ms() * 1_000_000),
        "severityNumber": 13,
        "severityText": "WARNING",
        "body": {"stringValue": "sold"},
        "attributes": [
            {"key": "onex.source", "value": {"stringValue": "node"}},
            {"key": "order", "value": {"stringValue": "o-1"}},
            {"key": "version", "value": {"intValue": "7"}},
        ],
        "traceId": _TRACE,
        "spanId": _SPAN,
        "flags": 1,
    }
    times = [int(cast(str, record(made, line)["timeUnixNano"])) for _ in range(3)]
    assert times == sorted(set(times)), "lines of one millisecond stay in order"
    assert record(made, {"level": "odd"})["severityText"] == "INFO"


def test_types_of_values_stay() -> None:
    values: Json = {
        "none": None,
        "yes": True,
        "no": False,
        "int": -(2**63),
        "float": 0.5,
        "text": 'a"\n\u00e4\U0001f600',
        "list": [1, ("a",), {2}, frozenset({3})],
        "map": {"a": {"b": 1}, (1, 2): 3},
        "size": Size.BIG,
        "color": Color.RED,
    }
    expected = {
        **values,
        "list": [1, ["a"], [2], [3]],
        "map": {"a": {"b": 1}, "(1, 2)": 3},
        "size": 3,
        "color": "red",
    }
    assert facts(encoder(), values) == {"onex.source": "node", **expected}


def test_values_without_a_type_in_json_are_texts() -> None:
    values: Json = {
        "huge": 2**63,
        "nan": float("nan"),
        "bytes": b"abc",
        "error": ValueError("password=abc"),
        "class": int,
    }
    assert facts(encoder(), values) == {
        "onex.source": "node",
        "huge": "(integer of 64 bits)",
        "nan": "nan",
        "bytes": "(3 bytes)",
        "error": "password=[redacted]",
        "class": "<class 'int'>",
    }


@pytest.mark.enforces("log_aggregation.sensitive_field_patterns")
def test_secrets_are_hidden_at_any_depth() -> None:
    values: Json = {
        "token": "hush",
        "basket": Basket("hush"),
        "card": Card(number=1),
        "deep": [{"db": {"password": "hush"}}],
        "url": "http://ann:hush@bank",
    }
    shown = facts(encoder(), values)
    assert "hush" not in str(shown)
    assert shown["token"] == "[redacted]"
    assert shown["basket"] == {"password": "[redacted]", "count": 1, "more": []}
    assert shown["url"] == "http://[redacted]@bank"
    assert "hush" in str(facts(encoder(16_384, None, "count"), {"basket": Basket("hush")}))


@pytest.mark.parametrize("most", [1_024, 2_048])
def test_a_secret_at_a_cut_is_hidden(most: int) -> None:
    """A secret is recognized by what follows: a password of a URL by the @ after it."""
    for before in range(most // 2 - 700, most // 2, 7):
        text = f"{'x' * before} http://ann:{'hush' * 60}@bank {'y' * 2 * most}"
        assert "hush" not in encoder(most).encode({"event": "e", "text": text}, "node")[0].decode()
    secrets = " ".join(f"http://ann:{'s' * 480}@bank" for _ in range(20))
    assert "sss" not in encoder(most).encode({"event": secrets}, "node")[0].decode()


def test_what_cannot_be_shown_is_named_by_its_class() -> None:
    circular: Json = {}
    circular["self"] = circular
    shown = facts(encoder(), {"a": Unwilling(), "b": {Unwilling(): 1}, "c": circular, "d": [Unwilling(), 2]})
    assert shown["a"] == "(Unwilling cannot be shown)"
    assert shown["b"] == {"(Unwilling)": 1}
    assert "(nested deeper)" in str(shown["c"])
    assert shown["d"] == ["(Unwilling cannot be shown)", 2]
    nested: list[object] = []
    for _ in range(10_000):
        nested = [nested]
    assert "(nested deeper)" in str(facts(encoder(), {"nested": nested})["nested"])


def test_a_line_is_valid_unicode() -> None:
    made = encoder().encode({"event": "\ud800", "\udfff": "a\ud83db"}, "node")[0]
    assert b"ud800" in json.dumps(json.loads(made.decode("utf-8", "strict"))).encode()
    assert json.loads(made)["body"] == {"stringValue": "\\ud800"}


def test_a_line_is_limited() -> None:
    values: tuple[object, ...] = (
        "x" * 10**7,
        "\x00" * 10**5,
        "\u00e4" * 10**5,
        list(range(10**5)),
        Endless(),
        {"k" * 10**5: [{}] * 10**5},
    )
    for value in values:
        for most in (1_024, 16_384):
            made, is_cut = encoder(most).encode({"event": "e", "value": value, "after": "b"}, "node")
            assert len(made) <= most
            assert is_cut
            assert most == 1_024 or facts_of(json.loads(made)["attributes"])["after"] == "b"
    made, is_cut = encoder().encode({"event": "x" * 100, "value": [1]}, "node")
    assert not is_cut
    many: Json = {f"n{number}": number for number in range(10**4)}
    assert record(encoder(2**20), many)["droppedAttributesCount"] == 10**4 + 1 - 128
    assert len(facts(encoder(2**20), many)) == 128
    short = record(encoder(1_024), many)
    assert len(cast(list[Json], short["attributes"])) + cast(int, short["droppedAttributesCount"]) == 10**4 + 1


@given(
    st.recursive(
        st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.none(), st.booleans()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    ),
    st.text(),
)
@settings(max_examples=25)
def test_any_value_is_json_within_the_limit(value: object, event: str) -> None:
    made, _ = encoder(1_024).encode({"event": event, "one": value, "other": value}, "node")
    assert len(made) <= 1_024
    assert json.loads(made)["severityNumber"] == 9


def test_the_trace_of_a_line() -> None:
    made = encoder(message=CURRENT_MESSAGE)
    tracer = TracerProvider().get_tracer("t")
    with use_span(tracer.start_span("s"), end_on_exit=True) as span:
        assert record(made, {})["spanId"] == f"{span.get_span_context().span_id:016x}"
    tracing = TracingEngine(ModelTracingSubcontract(), tracer, CURRENT_MESSAGE)
    with tracing.span("mine"):
        mine = record(made, {})
        assert mine["traceId"] == _TRACE
        assert mine["spanId"] != _SPAN
    none = TracingEngine(ModelTracingSubcontract(), NoOpTracerProvider().get_tracer("t"), CURRENT_MESSAGE)
    with none.span("nothing"):
        assert record(made, {})["spanId"] == _SPAN
    for parent in ("", "00-0-0-0", "x" * 10**5, "00-é"):
        assert "traceId" not in record(encoder(message=FakeCurrentMessage(trace_parent=parent)), {})


def test_a_body_names_the_node() -> None:
    bodies = RequestBodies(IDENTITY)
    (resource,) = json.loads(bodies.body([b"{}", b"{}"]))["resourceLogs"]
    names = {"service.name": "node_a_effect", "service.version": "1.0.0", "service.instance.id": "a-1"}
    assert facts_of(resource["resource"]["attributes"]) == names
    assert resource["scopeLogs"] == [{"scope": {"name": "onex"}, "logRecords": [{}, {}]}]
    assert len(bodies.body([b"{}"])) == bodies.overhead + 2
    assert RequestBodies(NodeIdentity("n" * 10**6)).overhead < 1_024


def test_a_body_is_a_request_of_the_protocol() -> None:
    """The classes of OpenTelemetry's own definition read it, strictly. Only ids are written differently there."""
    values = {"a": [1, {"b": None}, 0.5, True, "x"], "huge": 2**64}
    made = [record(encoder(size, CURRENT_MESSAGE), {"event": "e", **values}) for size in (1_024, 16_384)]
    made += [record(encoder(1_024), {"event": {"a": 1}, **{str(number): number for number in range(99)}})]
    for each in made[:2]:
        for name in ("traceId", "spanId"):
            each[name] = base64.b64encode(bytes.fromhex(str(each[name]))).decode()
    body = RequestBodies(IDENTITY).body([json.dumps(each).encode() for each in made])
    request = ParseDict(json.loads(body), ExportLogsServiceRequest())
    first, _, third = request.resource_logs[0].scope_logs[0].log_records
    assert (first.trace_id.hex(), first.span_id.hex(), first.severity_number) == (_TRACE, _SPAN, 9)
    assert [item.WhichOneof("value") for item in first.attributes[1].value.array_value.values] == [
        "int_value",
        "kvlist_value",
        "double_value",
        "bool_value",
        "string_value",
    ]
    assert third.dropped_attributes_count + len(third.attributes) == 100


def test_lines_of_mixin_logging_are_passed_on() -> None:
    lines, seen = LogLines(), list[Mapping[str, object]]()
    lines.listen(seen.append)
    written: list[str] = []
    settings = ModelLoggingSubcontract(enable_async_logging=False)
    log = LoggingEngine(settings, IDENTITY, CURRENT_MESSAGE, ManualClock(), written.append, lines=lines)
    log.bind(shop="north").info("sold", token="hush")
    log.debug("not written, so not passed on")
    assert [(line["event"], line["shop"], line["token"]) for line in seen] == [("sold", "north", "[redacted]")]
    lines.leave(seen.append)
    log.info("later")
    assert (len(seen), len(written)) == (1, 2)


def test_lines_of_the_agent_are_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Mapping[str, object]] = []
    AGENT_LINES.listen(seen.append)
    before = structlog.get_config()
    try:
        configure_logs(Settings(log_format="json"), node="n")
        structlog.get_logger("x").warning("lost", error="http://ann:hush@bank", token="hush")
        structlog.get_logger("x").debug("not written, so not passed on")
    finally:
        structlog.configure(**before)
        AGENT_LINES.leave(seen.append)
    (line,) = seen
    assert (line["event"], line["level"], line["node"]) == ("lost", "warning", "n")
    assert "hush" not in str(line)
    assert json.loads(capsys.readouterr().err)["event"] == "lost"


def test_a_model_may_be_changed_after_the_call() -> None:
    """The line is encoded in the call."""

    async def live() -> None:
        from tests.mixins.test_log_aggregation import Aggregation

        made = Aggregation(ModelLogAggregationSubcontract())
        fact = {"state": "before"}
        made.engine.of_node({"event": "e", "fact": fact})
        fact["state"] = "after"
        (line,) = made.waiting()
        assert "before" in line
        await made.engine.close()

    asyncio.run(live())
