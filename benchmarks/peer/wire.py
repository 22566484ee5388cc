"""Avro by fastavro, models by pydantic, and the headers that a mesh node writes."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

import fastavro
from pydantic import BaseModel

from benchmarks.field.job import Job

Headers = list[tuple[str, bytes]]
M = TypeVar("M", bound=BaseModel)


def decoder(job: Job, model: type[M]) -> Callable[[bytes], M]:
    """Confluent wire format to a validated model."""
    schema = fastavro.parse_schema(job.input_schema)
    read, validate = fastavro.schemaless_reader, model.__pydantic_validator__.validate_python

    def decode(value: bytes) -> M:
        message: M = validate(read(io.BytesIO(value[5:]), schema, None))
        return message

    return decode


def encoder(job: Job) -> Callable[[BaseModel], bytes]:
    """A model to Confluent wire format."""
    schema, prefix, write = fastavro.parse_schema(job.output_schema), job.prefix, fastavro.schemaless_writer

    def encode(message: BaseModel) -> bytes:
        out = io.BytesIO()
        out.write(prefix)
        write(out, schema, message.__dict__)
        return out.getvalue()

    return encode


def now() -> bytes:
    """Time of a batch, as CloudEvents have it."""
    return datetime.now(UTC).isoformat().encode()


def headers_for(job: Job) -> Callable[[Sequence[tuple[str, bytes]], bytes, bytes], Headers]:
    """The ten headers that a mesh node writes: CloudEvents, correlation, causation and trace context."""
    constant = [
        ("ce_specversion", b"1.0"),
        ("ce_type", job.output.encode()),
        ("ce_source", b"/onex/node_price_compute/1.0.0"),
        ("content-type", b"application/avro"),
    ]

    def headers(given: Sequence[tuple[str, bytes]], key: bytes, time: bytes) -> Headers:
        found: Mapping[str, bytes] = dict(given)
        identity = found["ce_id"]
        return [
            *constant,
            ("ce_id", blake2b(identity, digest_size=16).hexdigest().encode()),
            ("ce_time", time),
            ("onex-correlation-id", found["onex-correlation-id"]),
            ("onex-causation-id", identity),
            ("ce_subject", key),
            ("traceparent", found["traceparent"]),
        ]

    return headers
