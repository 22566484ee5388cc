"""Secrets and content of messages stay out of what is shown: logs, health, dead letters, traces, repr."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Annotated, Literal
from uuid import UUID

import pytest
import structlog
from pydantic import AfterValidator, BaseModel, Field, JsonValue, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from onex.agent.process.logs import configure_logs
from onex.agent.process.services import agent_environment_of
from onex.agent.telemetry.health import Health
from onex.capability.reports import Reports
from onex.dlq import Author, DeadLetterManager, LetterFilter, ReplayOptions
from onex.errors import BusUnavailableError, ConfigurationError, MessageError, PoisonError, RejectedError
from onex.node import Message
from onex.schema import Codec, avro_schema
from onex.schema.registry import RegistryCatalogue
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver
from onex.util.error_text import error_text, exception_facts, scrubbed, text_of, traceback_text, validation_text
from onex.wire import dead_letter as d
from tests.conftest import NODES
from tests.unit.test_codec import FakeCatalogue

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://shop:{SECRET}@db:5432/shop is away",
        f"http://{SECRET}@registry/subjects",
        f"amqps://a:b%20{SECRET}@x",
        f"Authorization: Bearer {SECRET}",
        f"authorization=BEARER {SECRET}, and more",
        f"basic {SECRET}",
        f"sasl.password={SECRET} security.protocol=x",
        f"host=db password='{SECRET}' dbname=x",
        f"https://x/y?access_token={SECRET}&z=1",
        f'{{"client_secret": "{SECRET}"}}',
        f"ssl.key.password: {SECRET}",
    ],
)
def test_credentials_are_taken_out_of_texts(text: str) -> None:
    assert SECRET not in scrubbed(text)
    assert "[redacted]" in scrubbed(text)


@pytest.mark.parametrize(
    "text", ["at http://db:5432/shop", "a key is missing", "the secret is out", "mail a@b.c", "tokens: 3", "basic"]
)
def test_other_texts_stay_what_they_are(text: str) -> None:
    assert scrubbed(text) == text


def test_a_long_text_takes_no_time() -> None:
    for part in ("://", "bearer ", "password=", "a:", "key"):
        assert scrubbed(part * 50_000)


def _no(value: str) -> str:
    raise ValueError(f"{value!r} is no IBAN")


def _unknown(value: str) -> str:
    raise PydanticCustomError("no_such_bank", "there is no bank {bank}", {"bank": value})


class Dog(BaseModel):
    kind: Literal["dog"]


class Cat(BaseModel):
    kind: Literal["cat"]


class Card(Message):
    number: int = 0
    kind: Literal["debit"] = "debit"
    iban: Annotated[str, AfterValidator(_no)] = ""
    short: str = Field(default="", max_length=3)
    pet: Annotated[Dog | Cat, Field(discriminator="kind")] | None = None
    bank: Annotated[str, AfterValidator(_unknown)] = ""
    owner: str = ""

    @field_validator("owner")
    @classmethod
    def _owner(cls, owner: str) -> str:
        assert not owner, f"{owner} is not known"
        return owner

    @model_validator(mode="after")
    def _whole(self) -> "Card":
        if self.number == 4111_1111:
            raise ValueError(f"{self.number} is blocked")
        return self


@pytest.mark.parametrize(
    "content",
    [
        {"number": SECRET},
        {"kind": SECRET},
        {"iban": SECRET},
        {"short": SECRET},
        {"pet": {"kind": SECRET}},
        {"owner": SECRET},
        {"bank": SECRET},
        {"iban": {"deep": [SECRET]}},
    ],
)
def test_validation_errors_show_no_values(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as raised:
        Card.model_validate(content)
    for text in (error_text(raised.value), text_of(raised.value), traceback_text(raised.value)):
        assert SECRET not in text
        assert next(iter(content)) in text
    assert SECRET not in str(exception_facts(raised.value))
    with pytest.raises(ValidationError) as blocked:
        Card(number=4111_1111)
    assert "4111" not in error_text(blocked.value)
    assert "is blocked" in error_text(blocked.value)


def test_causes_and_groups_show_no_values_either() -> None:
    def fail() -> None:
        try:
            Card.model_validate({"number": SECRET})
        except ValidationError as error:
            error.add_note(f"at http://me:{SECRET}@db")
            raise RuntimeError("cannot pay") from ExceptionGroup("all", [error])

    with pytest.raises(RuntimeError) as raised:
        fail()
    text = traceback_text(raised.value)
    assert SECRET not in text
    assert "RuntimeError: cannot pay" in text
    assert "Card: number" in text
    assert "in fail" in text


def test_log_lines_hold_no_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        configure_logs(Settings(log_format="json"))
        log = structlog.get_logger("x")
        log.warning("away", url=f"http://me:{SECRET}@db", headers={"authorization": SECRET}, password=SECRET)
        log.warning("wrong", error=ValueError(f"Bearer {SECRET}"))
        try:
            Card.model_validate({"number": SECRET})
        except ValidationError:
            log.exception("failed")
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["away", "wrong", "failed"]
    assert SECRET not in json.dumps(lines)
    assert "Card: number" in lines[-1]["exception"]


def test_health_holds_no_credentials() -> None:
    health = Health()
    assert health.complain("database", f"postgresql://me:{SECRET}@db is away")
    assert not health.complain("database", f"postgresql://me:{SECRET}@db is away")
    assert health.snapshot() == {"database": "postgresql://[redacted]@db is away"}


def test_events_about_capabilities_hold_no_credentials() -> None:
    reports = Reports()
    reports.report("event_bus", "Paid", "lost", f"http://me:{SECRET}@broker is away")
    assert [report.detail for report in reports.take()] == ["http://[redacted]@broker is away"]


def test_a_registry_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(BusUnavailableError) as raised:
        RegistryCatalogue(f"http://me:{SECRET}@127.0.0.1:9").versions(["x"])
    assert SECRET not in str(raised.value)
    assert "127.0.0.1:9" in str(raised.value)


def test_settings_show_no_secrets() -> None:
    url = f"postgresql://me:{SECRET}@db/x"
    settings = Settings(database_url=url, schema_registry_url=url, kafka_config={"sasl.password": SECRET})
    shown = [repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()]
    shown += [repr(agent_environment_of(settings))]
    assert SECRET not in "".join(shown)
    assert agent_environment_of(settings).database_url == url
    assert agent_environment_of(settings).kafka_config == {"sasl.password": SECRET}


@pytest.mark.parametrize("name", ["ONEX_KAFKA_CONFIG", "ONEX_SERVICES"])
def test_a_setting_that_is_no_json_is_named_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"sasl.password={SECRET}")
    with pytest.raises(ConfigurationError, match=f"{name} is no JSON; write it like") as raised:
        Settings.load()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "given", [{"kafka_config": SECRET}, {"kafka_config": {"a": [SECRET]}}, {"log_level": SECRET}]
)
def test_a_setting_of_the_wrong_type_is_not_shown(given: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings.load(**given)
    assert SECRET not in str(raised.value)
    assert next(iter(given)) in str(raised.value)


def test_a_dead_letter_holds_no_tokens_and_no_values() -> None:
    mesh = MeshDriver([NODES / "node_unruly_compute" / "v1_0_0"])
    headers = [
        ("authorization", f"Bearer {SECRET}".encode()),
        ("x-mine", f"bearer {SECRET}".encode()),
        ("kept", b"k"),
    ]
    mesh.publish("onex.cmd.unruly.ask.v1", b'{"nothing": "hunter2-and-more"}', b"k", headers)
    (letter,) = mesh.records("onex.dlq.unruly.compute.v1")
    found = dict(letter.headers() or [])
    assert found["kept"] == b"k"
    assert not {"authorization", "x-mine"} & set(found)
    assert SECRET.encode() not in b"".join(raw for _, raw in letter.headers() or [])
    assert found[d.CLASS] == b"rejected"
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), mesh.nodes[0], Author("me"), "test")
    options = ReplayOptions(authorization=f"Bearer {SECRET}")
    assert SECRET not in repr(options)
    assert desk.replay([each for each, _ in desk.find(LetterFilter())], options).replayed == 1
    (replay,) = mesh.records("onex.retry.unruly.compute.v1")
    assert dict(replay.headers() or [])["authorization"] == f"Bearer {SECRET}".encode()


class Part(Message):
    name: str
    price: Annotated[Decimal, Field(max_digits=10, decimal_places=2)]


class Whole(Message, key="id"):
    """Every way in which a message holds content."""

    id: str
    note: str
    at: datetime
    day: date
    uid: UUID
    kind: Literal["a", "b"]
    raw: bytes
    count: int
    parts: list[Part]
    by_name: dict[str, int]
    deep: dict[str, list[dict[str, Part]]] | None


MARK = "hunter2"
WHOLE = Whole(
    id=MARK * 3,
    note=MARK * 5,
    at=datetime(2026, 1, 1, tzinfo=UTC),
    day=date(2026, 1, 1),
    uid=UUID(int=3),
    kind="a",
    raw=MARK.encode(),
    count=1,
    parts=[Part(name=MARK, price=Decimal(1))],
    by_name={MARK: 1},
    deep={MARK: [{MARK: Part(name=MARK, price=Decimal(1))}]},
)


def _broken(codec: Codec, rng: Random) -> bytes:
    """The message with something wrong: bytes of Avro, or values of JSON."""
    if rng.random() < 0.5:
        value = bytearray(codec.encode(WHOLE))
        for _ in range(rng.choice((1, 1, 2, 4))):
            value[rng.randrange(5, len(value))] = rng.randrange(256)
        return bytes(value[: rng.choice((len(value), len(value), rng.randrange(5, len(value))))])
    data: dict[str, JsonValue] = json.loads(WHOLE.model_dump_json())
    wrong: tuple[JsonValue, ...] = (
        MARK,
        [MARK],
        {MARK: MARK},
        {MARK: [{MARK: MARK}]},
        [{"name": [MARK]}],
        None,
        1e300,
    )
    data[rng.choice([*data])] = rng.choice(wrong)
    text = json.dumps(data).encode()
    at = rng.randrange(len(text)) if rng.random() < 0.3 else len(text)
    return text[:at] + bytes([rng.randrange(128, 256)] * (at < len(text))) + text[at + 1 :]


def test_records_that_cannot_be_read_show_no_content() -> None:
    writer = {**avro_schema(Whole), "doc": "of another version"}
    codec, rng = Codec(Whole, 7, FakeCatalogue({7: avro_schema(Whole), 8: writer})), Random(1)
    refused = Counter[type[Exception]]()
    for _ in range(6_000):
        value = _broken(codec, rng)
        if value[:1] == b"\0" and rng.random() < 0.3:
            value = b"\0" + (8).to_bytes(4, "big") + value[5:]
        try:
            codec.decode(value)
        except MessageError as error:
            refused[type(error)] += 1
            assert not [MARK[n : n + 5] for n in range(3) if MARK[n : n + 5] in str(error)], str(error)
    assert min(refused[PoisonError], refused[RejectedError]) > 500


def test_keys_of_maps_are_content_and_names_of_fields_are_not() -> None:
    wrong = WHOLE.model_dump(mode="json")
    wrong["deep"] = {SECRET: [{SECRET: {"name": 1, "price": "1"}}]}
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate(wrong)
    text = validation_text(raised.value, Whole)
    assert text == "Whole: deep.[redacted].0.[redacted].name: Input should be a valid string"
    assert SECRET in validation_text(raised.value), "without the model they cannot be told apart"
    strange = WHOLE.model_copy(update={"by_name": {SECRET: 1 << 70}})
    with pytest.raises(RejectedError) as refused:
        Codec(Whole, 7, FakeCatalogue({})).encode(strange)
    assert "by_name.[redacted]: " in str(refused.value)


def test_the_errors_of_the_mesh_are_shown_as_they_are() -> None:
    assert error_text(RejectedError("no stock left")) == "no stock left"
