"""What all peers share: the models, Avro by fastavro, and the headers that a mesh node writes."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import fastavro
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.field.job import Job

Headers = list[tuple[str, bytes]]


class Order(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str = Field(min_length=1)
    customer: str
    sku: str
    quantity: int = Field(ge=1)
    unit_price: float = Field(gt=0)
    placed_ms: int


class PricedOrder(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str
    customer: str
    quantity: int
    total: float
    placed_ms: int


def price(order: Order) -> PricedOrder:
    """What the node computes."""
    return PricedOrder(
        order_id=order.order_id,
        customer=order.customer,
        quantity=order.quantity,
        total=order.quantity * order.unit_price,
        placed_ms=order.placed_ms,
    )


def decoder(job: Job) -> Callable[[bytes], Order]:
    """Confluent wire format to a validated model."""
    schema = fastavro.parse_schema(job.input_schema)
    read, validate = fastavro.schemaless_reader, Order.__pydantic_validator__.validate_python

    def decode(value: bytes) -> Order:
        order: Order = validate(read(io.BytesIO(value[5:]), schema, None))
        return order

    return decode


def encoder(job: Job) -> Callable[[PricedOrder], bytes]:
    """A model to Confluent wire format."""
    schema, prefix, write = fastavro.parse_schema(job.output_schema), job.prefix, fastavro.schemaless_writer

    def encode(priced: PricedOrder) -> bytes:
        out = io.BytesIO()
        out.write(prefix)
        write(out, schema, priced.__dict__)
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
