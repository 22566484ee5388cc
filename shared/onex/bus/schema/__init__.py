"""Schemas and codecs: models become Avro, ids come from a catalogue that only provisioning writes."""

from onex.bus.schema.avro_schema import avro_schema, canonical
from onex.bus.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion, subject_of
from onex.bus.schema.codec import Codec, codec_source

__all__ = [
    "Codec",
    "ProtocolSchemaCatalogue",
    "SchemaVersion",
    "avro_schema",
    "canonical",
    "codec_source",
    "subject_of",
]
