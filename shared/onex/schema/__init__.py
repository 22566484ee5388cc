"""Avro schemas and codecs of message models. Schema ids come from a catalogue that only provisioning writes."""

from onex.schema.avro_schema import avro_schema, canonical
from onex.schema.catalogue import ProtocolSchemaCatalogue, SchemaVersion, subject_of
from onex.schema.codec import Codec, codec_source, message_in_json
from onex.schema.json_codec import ProtocolCodec, codec_of
from onex.schema.topic_codecs import TopicCodecs

__all__ = [
    "Codec",
    "ProtocolCodec",
    "ProtocolSchemaCatalogue",
    "SchemaVersion",
    "TopicCodecs",
    "avro_schema",
    "canonical",
    "codec_of",
    "codec_source",
    "message_in_json",
    "subject_of",
]
