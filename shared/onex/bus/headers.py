"""Header names on the wire: CloudEvents 1.0 binary mode and the mesh's own."""

SPEC_VERSION = "ce_specversion"
ID = "ce_id"
TYPE = "ce_type"
SOURCE = "ce_source"
TIME = "ce_time"
SUBJECT = "ce_subject"
CONTENT_TYPE = "content-type"

CORRELATION = "onex-correlation-id"
CAUSATION = "onex-causation-id"
REPLY_KEY = "onex-reply-key"
IDEMPOTENCY_KEY = "onex-idempotency-key"
ATTEMPT = "onex-attempt"
ORIGINAL_TOPIC = "onex-original-topic"
"""On the retry topic: the topic whose route takes the record."""

TRACE_PARENT = "traceparent"
TRACE_STATE = "tracestate"

AVRO = b"application/avro"
JSON = b"application/json"
