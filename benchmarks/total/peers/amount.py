"""What all peers share: the models, Avro by fastavro."""

import io
from collections.abc import Callable

import fastavro
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.field.job import Job

Encode = Callable[["Total"], bytes]


class Amount(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(min_length=1)
    value: int = Field(ge=1)


class Total(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str
    total: int
    count: int


def decoder(job: Job) -> Callable[[bytes], Amount]:
    """Confluent wire format to a validated model."""
    schema = fastavro.parse_schema(job.input_schema)
    read, validate = fastavro.schemaless_reader, Amount.__pydantic_validator__.validate_python

    def decode(value: bytes) -> Amount:
        amount: Amount = validate(read(io.BytesIO(value[5:]), schema, None))
        return amount

    return decode


def encoder(job: Job) -> Encode:
    """A model to Confluent wire format."""
    schema, prefix, write = fastavro.parse_schema(job.output_schema), job.prefix, fastavro.schemaless_writer

    def encode(total: Total) -> bytes:
        out = io.BytesIO()
        out.write(prefix)
        write(out, schema, total.__dict__)
        return out.getvalue()

    return encode
