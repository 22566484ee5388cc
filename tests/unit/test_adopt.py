"""``onex adopt``: a node from the records of a topic that exists."""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.cli.main import app
from onex.codegen.adopt.adoption import Adoption, Choices
from onex.codegen.adopt.adoption import adopt as adopted
from onex.codegen.adopt.sample import Sample, SampledRecord, sample_topic
from onex.codegen.adopt.types import shown
from onex.errors import ConfigurationError, RejectedError
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver, load_cases, run_case

TOPIC = "shop.orders"
Records = Sequence[Mapping[str, object]]


def sample(values: Sequence[object], keys: Sequence[bytes | None] = (), topic: str = TOPIC) -> Sample:
    keyed = [*keys, *[None] * (len(values) - len(keys))]
    read = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    headers = {"x-request-id": b"r"}
    return Sample(topic, 4, tuple(SampledRecord(key, value, headers) for value, key in zip(read, keyed, strict=True)))


def adopt(of: Sample, choices: Choices) -> Adoption:
    """Adopts a topic where there is no registry."""
    return adopted(of, choices, TopicCatalogue(MemoryEventBus(MemoryBroker(lambda: 0))))


def types_of(adoption: Adoption) -> dict[str, str]:
    return {f.place: shown(f.type) + (" | None" if f.is_optional else "") for f in adoption.fields}


def write(root: Path, adoption: Adoption) -> Path:
    folder = root / adoption.wanted.package
    for name, text in adoption.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def orders(count: int = 100) -> list[dict[str, object]]:
    return [
        {
            "order_id": f"o-{number}",
            "status": ["open", "paid", "sent"][number % 3],
            "unit_price": 7.5 + number,
            "total": f"{number}.50",
            "weight": number / 7,
            "quantity": number,
            "is_gift": number % 2 == 0,
            "placed_at": f"2026-01-01T10:00:{number % 60:02}.250Z",
            "due": "2026-02-03",
            "trace": f"00000000-0000-0000-0000-{number:012}",
            "local_time": "2026-01-01T10:00:00",
            "account": 2**70 + number,
            "ship-to": {"City": "Bern", "zip": "3000", "phone": None},
            "lines": [{"sku": f"s-{number}", "count": 1}, {"sku": "s", "count": 2, "note": "*"}],
            "counts": {f"{number}": 1, f"{number + 1000}": 2},
            "tags": [],
            "api_token": ["tok-a", "tok-b"][number % 2],
            **({"gift_note": "hello"} if number % 10 == 0 else {}),
        }
        for number in range(count)
    ]


def test_types_are_inferred_with_the_reasons() -> None:
    records = orders()
    adoption = adopt(sample(records, [str(r["order_id"]).encode() for r in records]), Choices())
    assert types_of(adoption) == {
        "order_id": "str",
        "status": "open | paid | sent",
        "unit_price": "Decimal(18, 2)",
        "total": "Decimal(24, 2)",
        "weight": "float",
        "quantity": "int",
        "is_gift": "bool",
        "placed_at": "datetime",
        "due": "date",
        "trace": "UUID",
        "local_time": "str",
        "account": "Decimal(22, 0)",
        "ship-to": "OrderShipTo",
        "ship-to.City": "str",
        "ship-to.zip": "str",
        "lines": "list[OrderLine]",
        "lines.sku": "str",
        "lines.count": "int",
        "lines.note": "str | None",
        "counts": "dict[str, int]",
        "api_token": "str",
        "gift_note": "str | None",
    }
    assert adoption.notes == ("tags: left out: always empty", "ship-to.phone: left out: always null")
    fields = {field.place: field for field in adoption.fields}
    assert (fields["quantity"].sure, fields["status"].sure, fields["gift_note"].seen) == ("sure", "likely", 10)
    assert "another value would be a dead letter" in fields["status"].why
    assert adoption.wanted.key.field == "order_id"
    assert adoption.wanted.key.why == "equals the record key in 100 records with 100 different keys"


def test_the_node_works_and_its_cases_have_no_secrets(tmp_path: Path) -> None:
    adoption = adopt(sample(orders(), [b"o-%d" % number for number in range(100)]), Choices())
    folder = write(tmp_path, adoption)
    cases = load_cases(folder)
    assert [run_case(folder, case) for case in cases] == [""] * len(cases)
    assert len(cases) >= 2
    everything = "".join(adoption.files.values())
    assert "tok-" not in everything
    bound = yaml.safe_load(adoption.files["contract.yaml"])["event_bus"]["topics"][TOPIC]
    assert bound == {
        "message": "Order",
        "format": "json",
        "key": "order_id",
        "correlation": {"header": "x-request-id"},
    }
    mesh = MeshDriver([folder])
    for record in orders(5):
        mesh.publish(TOPIC, json.dumps(record).encode(), b"k", [])
    assert not mesh.dead_letters()
    assert len(mesh.records("onex.evt.shop-orders.order.v1")) == 5
    mesh.close()


def test_values_below_a_secret_are_no_choices() -> None:
    records = [{"id": n, "credentials": {"login": ("hunter2", "swordfish")[n % 2]}} for n in range(60)]
    adoption = adopt(sample(records, [b"%d" % number for number in range(60)]), Choices())
    everything = "".join([*adoption.files.values(), *map(str, adoption.fields), *adoption.notes])
    assert not [word for word in ("hunter2", "swordfish") if word in everything]


HOSTILE: Mapping[str, Mapping[str, object]] = {
    "names": {
        "class": 1,
        "import os": 2,
        "": 3,
        "__init__": 4,
        "1st": 5,
        "model_dump": 6,
        "json": 7,
        "é": 8,
        "日本": 9,
    },
    "types": {
        "int": 1,
        "str": "a",
        "date": "2026-01-01",
        "datetime": "2026-01-01T00:00:00Z",
        "Field": 2,
        "Message": {},
    },
    "equal": {"a-b": 1, "a_b": 2, "a b": 3, "A_B": 4, "Order": {"x": 1}, "order": {"x": 1}, "ORDER": {"x": 1}},
    "quotes": {'"""': 1, "'''\n": 2, "\\": 3, "a\u202eb": 4, "x\x00y": 5, "#": 6, "{}": 7, "{{ 1 }}": 8, "%s": 9},
    "values": {
        "note": '"""\nimport os\n',
        "more": "\x1b[2J",
        "yaml": "!!python/object:os",
        "star": "a*b\\",
        "t": "2026",
    },
    "numbers": {"a": 1e300, "b": -0.0, "c": 10**30, "price": 1e-5, "d": 0.1},
    "code": {"__import__('os').system('x')": 1, "lambda: 0": 2, "x=1": 3, "self": 4, "request": 5, "compute": 6},
    "large": {"a": [["x" * 9000] * 9] * 9, "n": 10**299, "x": float("inf"), "t": "2026-01-01T24:00:00Z"},
    "times": {"a": "9999-12-31T23:59:59-10:00", "b": "2026-02-30", "c": "0001-01-01T00:00:00Z", "d": "9999-12-31"},
    "nested": {"message": {"str": {"int": {"class": 1}}}, "field": {"field": 1}, "key": {"key": "s3cret"}},
    "many": {f"k{number}": number for number in range(250)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_become_a_node_that_takes_them(name: str, tmp_path: Path) -> None:
    record = {"id": "i-1", **HOSTILE[name]}
    adoption = adopt(sample([record] * 3, [b"i-1"] * 3, f"adopt.{name}"), Choices())
    folder = write(tmp_path, adoption)
    for file in ("models/__init__.py", "node.py"):
        tree = ast.parse(adoption.files[file])
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert calls <= {"Field"}
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {str(module).partition(".")[0] for module in imported} <= {
            "datetime",
            "decimal",
            "typing",
            "pydantic",
            "onex",
            adoption.wanted.node,
        }
    assert [run_case(folder, case) for case in load_cases(folder)] == ["", ""]
    mesh = MeshDriver([folder])
    mesh.publish(f"adopt.{name}", json.dumps(record).encode(), b"i-1", [])
    assert not mesh.dead_letters()
    mesh.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "has no records; adopt it when it has some"),
        ([b"", b""], "only 0 tombstones and 2 empty values"),
        ([b"\x00\x00\x00\x00\x01abc"], "the registry has no Avro schema 1; set SCHEMA_REGISTRY_URL"),
        ([b"<xml/>"] * 3, "3 of 3 records are no JSON objects"),
        ([b"[1]"], "no JSON objects"),
        ([b'{"a": "\\ud800"}'], "no JSON objects"),
        ([b'{"a":' * 300 + b"1" + b"}" * 300], "no JSON objects"),
        ([b'{"a": 1' + b"0" * 5000 + b"}"], "no JSON objects"),
        ([b'{"a": 1e999}'], "no JSON objects"),
        ([{"a": {"b": 1}}, {"a": {"b": "x"}}], "a.b: is a number in 1 and a text in 1 of the values"),
        ([{"lines": [1]}, {"lines": ["x"]}], "lines: is a number in 1 and a text in 1"),
        ([{"a": None}], "no field with a value"),
        ([{}], "no field with a value"),
        ([{"a": json.loads("[" * 12 + "1" + "]" * 12)}], "more than 8 objects and lists in one another"),
        ([{"a": json.loads("[" * 60 + "1" + "]" * 60)}], "more than 32 levels"),
        ([{f"k{n}": n} for n in range(50)], "50 different fields, and most of them lack most"),
        ([{f"k{n}_{i}": n for n in range(500)} for i in range(50)], "more than 20000 different fields"),
        ([{f"k{n}": {"x": n} for n in range(160)}] * 2, "more than 300 fields"),
    ],
)
def test_records_without_a_common_message_are_refused(values: Sequence[object], words: str) -> None:
    with pytest.raises(RejectedError, match=".") as refused:
        adopt(sample(values), Choices())
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


def test_what_has_no_type_can_be_left_out() -> None:
    values = [{"id": 1, "lines": [{"n": 1}, {"n": "x", "m": 1}]}]
    adoption = adopt(sample(values), Choices(without=frozenset({"lines.n"})))
    assert types_of(adoption) == {"id": "int", "lines": "list[OrderLine]", "lines.m": "int | None"}


def test_a_few_other_records_are_a_note() -> None:
    adoption = adopt(sample([{"id": n} for n in range(60)] + [b"x", b""]), Choices())
    assert adoption.notes == (
        "1 of 62 records are no JSON objects, and would be dead letters",
        "1 of 62 records have an empty value, and would be dead letters",
    )


@pytest.mark.parametrize(
    ("values", "keys", "field", "sure"),
    [
        ([{"id": n, "n": 1} for n in range(40)], [b"%d" % n for n in range(40)], "id", "sure"),
        ([{"a": "x", "b": "x"}], [b"x"], "a", "unsure"),
        ([{"id": n} for n in range(40)], [], "id", "unsure"),
        ([{"n": n} for n in range(40)], [], "", "unsure"),
        ([{"a": "x"}] * 2, [b"\xff", b"x"], "", "unsure"),
        ([{"a": True}], [b"True"], "", "unsure"),
    ],
)
def test_the_key(values: Sequence[object], keys: Sequence[bytes], field: str, sure: str) -> None:
    guess = adopt(sample(values, keys), Choices()).wanted.key
    assert (guess.field, guess.sure) == (field, sure)


def memory_bus(topic: str, values: Sequence[bytes], partitions: int = 4) -> MemoryEventBus:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState(topic, partitions, 1, {})])
    bus.publish_batch([Outgoing(topic, value, b"k", [], n % partitions) for n, value in enumerate(values)])
    return bus


def test_a_sample_is_bounded_and_from_either_end() -> None:
    bus = memory_bus(TOPIC, [b"%d" % number for number in range(40)])
    latest = sample_topic(bus, TOPIC, 8)
    assert sorted(int(r.value or b"") for r in latest.records) == [*range(32, 40)]
    earliest = sample_topic(bus, TOPIC, 8, earliest=True)
    assert sorted(int(r.value or b"") for r in earliest.records) == [*range(8)]
    assert len(sample_topic(bus, TOPIC, 1000).records) == 40
    assert bus.admin.groups() == {}
    with pytest.raises(ConfigurationError, match="no such topic"):
        sample_topic(bus, "shop.none", 8)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    bus = memory_bus(TOPIC, [json.dumps(record).encode() for record in orders()])
    monkeypatch.setattr("onex.cli.adopt.open_bus", lambda _settings: bus)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def onex(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.stdout, " ".join(done.stderr.split())


def test_the_command_prints_guesses_and_writes_a_valid_node(cli: Path) -> None:
    code, out, err = onex("adopt", TOPIC, "--node", "adopted", "--to", "onex.evt.shop.copy.v1", "-o", "services")
    assert code == 0, err
    assert "unit_price" in out
    assert "key: order_id (unsure)" in out
    assert "tags: left out: always empty" in err
    assert onex("contract", "validate", "services")[:2] == (0, "1 contract valid\n")
    code, _, err = onex("adopt", TOPIC, "--node", "adopted", "-o", "services")
    assert (code, "is a node already" in err) == (5, True)


def test_a_dry_run_writes_nothing(cli: Path) -> None:
    code, out, _ = onex("adopt", TOPIC, "--dry-run", "--json")
    facts = json.loads(out)
    assert (code, facts["written"], facts["records"], facts["message"]) == (0, False, 100, "Order")
    assert list(cli.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["onex.evt.a.b.v1"], "is a topic of the mesh"),
        (["shop orders"], "no name of a Kafka topic"),
        ([TOPIC, "--message", "order"], "begin with a capital letter"),
        ([TOPIC, "--message", "Message"], "is a name of the written code"),
        ([TOPIC, "--node", "---"], "is no name of a node"),
        ([TOPIC, "--to", "a b"], "no name of a Kafka topic"),
        ([TOPIC, "--to", TOPIC], "is no other topic"),
        ([TOPIC, "--to", "onex.orders"], "is no other topic"),
    ],
)
def test_wrong_names_are_refused(cli: Path, arguments: list[str], words: str) -> None:
    code, _, err = onex("adopt", *arguments)
    assert (code, words in err) == (2, True), err
