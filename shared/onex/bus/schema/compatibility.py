"""BACKWARD compatibility: readers with the new schema can read what the latest one wrote."""

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import make_avsc_object

from onex.bus.schema.avro_schema import Schema


def backward_problems(new: Schema, latest: Schema) -> list[str]:
    """Why ``new`` cannot read data of ``latest``; empty when it can."""
    result = ReaderWriterCompatibilityChecker().get_compatibility(make_avsc_object(new), make_avsc_object(latest))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    return [
        f"{message} (at {place})"
        for message, place in zip(sorted(result.messages), sorted(result.locations), strict=False)
    ]
