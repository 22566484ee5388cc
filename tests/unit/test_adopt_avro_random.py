"""Messages that ``onex adopt`` writes read the records of any schema, as the engine reads them."""

import math
import random
import types
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from pydantic import JsonValue

from onex.codegen.adopt.adoption import Adoption, Choices, adopt
from onex.codegen.adopt.avro.decode import Budget, decoded
from onex.codegen.adopt.avro.parse import parse
from onex.codegen.adopt.sample import Sample, SampledRecord
from onex.model.message import Message
from onex.schema.catalogue import subject_of
from onex.schema.foreign_codecs import ForeignAvroCodec
from tests.unit.test_adopt_avro import Registered, avro

NAMES = ("a", "b", "class", "City", "id", "json", "date", "_x", "f", "lines", "model_dump", "Order")
Made = tuple[JsonValue, Callable[[], object]]


class Maker:
    """Makes a schema, and values of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._named = 0
        self._records: list[Made] = []

    def record(self, level: int = 0) -> Made:
        name = self._name("R")
        pick = self.random.sample(NAMES, self.random.randint(1, 6))
        kinds = {each: self.kind(level + 1) for each in pick}
        fields: list[JsonValue] = [{"name": each, "type": kind, "doc": each} for each, (kind, _) in kinds.items()]
        made: Made = (
            {"type": "record", "name": name, "namespace": "com.shop", "fields": fields},
            lambda: {each: value() for each, (_, value) in kinds.items()},
        )
        self._records.append((f"com.shop.{name}", made[1]))
        return made

    def kind(self, level: int) -> Made:
        choices: list[Callable[[int], Made]] = [self.scalar, self.logical, self.scalar]
        if level < 4:
            choices += [self.array, self.map, self.union, self.record, self.again]
        return self.random.choice(choices)(level)

    def scalar(self, _level: int) -> Made:
        r = self.random
        size = r.randint(1, 20)
        choices: list[Made] = [
            ("boolean", lambda: r.random() < 0.5),
            ("int", lambda: r.randint(-(2**31), 2**31 - 1)),
            ("long", lambda: r.randint(-(2**63), 2**63 - 1)),
            ("float", lambda: r.randint(-1000, 1000) / 4),
            ("double", lambda: r.choice([r.random(), 1e300, math.inf])),
            ("bytes", lambda: r.randbytes(r.randint(0, 40))),
            ("string", lambda: "".join(r.choice("aé*\\\n\x00日") for _ in range(r.randint(0, 9)))),
            ({"type": "string"}, lambda: "x"),
            ({"type": "fixed", "name": self._name("F"), "size": size}, lambda: r.randbytes(size)),
            ({"type": "enum", "name": self._name("E"), "symbols": ["A", "B"]}, lambda: r.choice(["A", "B"])),
        ]
        return r.choice(choices)

    def logical(self, _level: int) -> Made:
        r = self.random
        start = datetime(2020, 1, 1, tzinfo=UTC)
        precision = r.randint(1, 30)
        scale = r.randint(0, precision)
        digits: dict[str, JsonValue] = {"logicalType": "decimal", "precision": precision, "scale": scale}

        def number() -> Decimal:
            return Decimal(r.randint(1 - 10**precision, 10**precision - 1)).scaleb(-scale)

        choices: list[Made] = [
            ({"type": "bytes", **digits}, number),
            ({"type": "fixed", "name": self._name("D"), "size": 16, **digits}, number),
            ({"type": "int", "logicalType": "date"}, lambda: date(2020, 1, 1) + timedelta(r.randint(0, 9999))),
            (
                {"type": "long", "logicalType": "timestamp-millis"},
                lambda: start + timedelta(milliseconds=r.randint(0, 10**11)),
            ),
            (
                {"type": "long", "logicalType": "timestamp-micros"},
                lambda: start + timedelta(microseconds=r.randint(0, 10**14)),
            ),
            ({"type": "long", "logicalType": "timestamp-nanos"}, lambda: r.randint(0, 2**62)),
            ({"type": "int", "logicalType": "time-millis"}, lambda: time(r.randint(0, 23), 5)),
            ({"type": "long", "logicalType": "time-micros"}, lambda: time(r.randint(0, 23), 5)),
            (
                {"type": "long", "logicalType": "local-timestamp-millis"},
                lambda: start.replace(tzinfo=None) + timedelta(seconds=r.randint(0, 10**8)),
            ),
            ({"type": "string", "logicalType": "uuid"}, lambda: UUID(int=r.getrandbits(128))),
            ({"type": "long", "logicalType": "date"}, lambda: r.randint(0, 9)),
        ]
        return r.choice(choices)

    def array(self, level: int) -> Made:
        kind, value = self.kind(level + 1)
        return {"type": "array", "items": kind}, lambda: [value() for _ in range(self.random.randint(0, 4))]

    def map(self, level: int) -> Made:
        kind, value = self.kind(level + 1)
        return {"type": "map", "values": kind}, lambda: {f"k{n}": value() for n in range(self.random.randint(0, 3))}

    def union(self, level: int) -> Made:
        if self.random.random() < 0.2:  # the message lacks it
            return ["null", "string", "long"], lambda: self.random.choice([None, "x", 3])
        kind, value = self.kind(level + 1)
        while type(kind) is list:
            kind, value = self.kind(level + 1)
        branches: list[JsonValue] = self.random.choice([["null", kind], [kind, "null"], [kind]])
        if "null" not in branches:
            return branches, value
        return branches, lambda: value() if self.random.random() < 0.7 else None

    def again(self, level: int) -> Made:
        return self.random.choice(self._records) if self._records else self.scalar(level)

    def _name(self, letter: str) -> str:
        self._named += 1
        return f"{letter}{self._named}"


def model_of(adoption: Adoption) -> type[Message]:
    module = types.ModuleType("adopted_models")
    exec(adoption.files["models/__init__.py"], module.__dict__)
    for each in adoption.wanted.model.every_model():
        getattr(module, each.name).model_rebuild(_types_namespace=module.__dict__)
    return cast(type[Message], getattr(module, adoption.wanted.model.name))


def equal(read: object, sampled: object) -> bool:
    """Whether a value of the message is that of the sample. The message may lack fields."""
    match read, sampled:
        case bytes(), _:
            return urlsafe_b64encode(read).decode() == sampled
        case datetime() | date(), _:
            return read.isoformat().replace("+00:00", "Z") == sampled
        case UUID(), _:
            return str(read) == sampled
        case list(), list():
            return len(read) == len(sampled) and all(map(equal, read, sampled))
        case dict(), dict():
            return all(equal(value, sampled[name]) for name, value in read.items())
    return read == sampled


@pytest.mark.parametrize("seed", range(25))
def test_the_message_reads_every_record_of_its_schema(seed: int) -> None:
    schema, value = Maker(seed).record()
    registry = Registered({7: schema})
    records = tuple(SampledRecord(b"k", avro(7, value(), schema), {}) for _ in range(5))
    adoption = adopt(Sample("shop.random", 1, records), Choices(), registry)
    assert not [note for note in adoption.notes if "dead letters" in note]
    shape = parse(schema, "it")
    codec = ForeignAvroCodec(model_of(adoption), subject_of("shop.random"), registry)
    for record in records:
        result = decoded(shape, record.value or b"", 5, Budget(10_000))
        assert result is not None
        assert equal(codec.decode(record.value).model_dump(by_alias=True), result[0])
