"""What envelope headers of a sender must look like to be carried on. Anything else counts as absent.

- Ids (``ce_id``, correlation, causation, answer-to, idempotency key): text in UTF-8 without control characters, of at
  most 512 bytes. Sixteen bytes that are no text are a raw UUID and become its text form, so that the correlation
  survives. An id that is absent gets the value that its absence means: a made-up id, or the id of the message.
- An id or idempotency key that begins with ``onex-record:`` counts as absent: engines make such ids up for records
  that have none, so a sender could claim the id of another's record. As a correlation id it is carried on.
- ``traceparent``: W3C Trace Context, section 3.2. One that is not valid is dropped together with its ``tracestate``.
- ``tracestate``: printable ASCII of at most 512 bytes, the length that each participant must carry on (3.3.1.5).
- Deadline: at most 15 digits, milliseconds since 1970.
- Reply key: any bytes, because it is the key of a record.
"""

import re
from collections.abc import Sequence
from typing import Final

from onex.wire.ids import LONGEST_ID, MADE_UP

_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_TRACE_PARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[ -~]{0,256})?"
)
_VERSION_0_LENGTH: Final = 55
_SHAPE: Final = bytes.maketrans(b"0123456789abcdefh", b"h" * 16 + b"\0")
"""Translates lower-case hexadecimal digits to ``h``, which nothing else becomes."""
_TRACE_PARENT_SHAPE: Final = b"-".join([b"h" * 2, b"h" * 32, b"h" * 16, b"h" * 2])
_NO_TRACE: Final = b"-" + b"0" * 32 + b"-"
_NO_SPAN: Final = b"-" + b"0" * 16 + b"-"
_TRACE_STATE: Final = re.compile(rb"[ -~]{1,512}")
_DEADLINE: Final = re.compile(rb"[0-9]{1,15}")


def are_clean(
    ids: Sequence[bytes],
    correlations: Sequence[bytes],
    trace_parents: Sequence[bytes | None],
    trace_states: Sequence[bytes | None],
    deadlines: Sequence[bytes | None],
) -> bool:
    """Whether the headers of some records, a column each, surely follow the rules. False: each must be looked at.

    Ids and trace parents are checked as one text a column, in C.
    """
    count = len(ids)
    return (
        _are_plain(ids)
        and _are_plain(correlations)
        and (trace_parents.count(None) == count or _are_trace_parents(trace_parents))
        and trace_states.count(None) == count
        and (deadlines.count(None) == count or _are_deadlines(deadlines))
    )


def _are_deadlines(deadlines: Sequence[bytes | None]) -> bool:
    try:
        return all(deadline is None or is_deadline(deadline) for deadline in deadlines)
    except TypeError:  # a client may return anything as a header
        return False


def _are_plain(ids: Sequence[bytes]) -> bool:
    """Whether all are printable ASCII and short, as nearly all ids are, and none is made up."""
    try:
        text = b"".join(ids)
    except TypeError:
        return False
    # Nearly all ids are letters, digits and hyphens, which is found out in half of the time.
    if not text.replace(b"-", b"").isalnum() and (MADE_UP in text or text.translate(None, _PRINTABLE)):
        return False
    return max(map(len, ids)) <= LONGEST_ID


def _are_trace_parents(trace_parents: Sequence[bytes | None]) -> bool:
    """Whether those that are present are valid in version 00."""
    present = [parent for parent in trace_parents if parent is not None] if None in trace_parents else trace_parents
    try:
        # As many spaces as the shapes have between them: none is in a header.
        text = b" ".join(present)  # type: ignore[arg-type]  # none is None
    except TypeError:
        return False
    step = _VERSION_0_LENGTH + 1
    return (
        text.translate(_SHAPE) == b" ".join([_TRACE_PARENT_SHAPE] * len(present))
        and text[0::step] == text[1::step] == b"0" * len(present)
        and _NO_TRACE not in text
        and _NO_SPAN not in text
    )


def is_trace_parent(raw: bytes) -> bool:
    """Whether a ``traceparent`` is valid. Later versions may be longer, version 00 may not."""
    return _TRACE_PARENT.fullmatch(raw) is not None and (len(raw) == _VERSION_0_LENGTH or raw[:2] != b"00")


def is_trace_state(raw: bytes | None) -> bool:
    """Whether a ``tracestate`` can be carried on."""
    return raw is not None and _TRACE_STATE.fullmatch(raw) is not None


def is_deadline(raw: bytes) -> bool:
    """Whether a deadline is a time."""
    return _DEADLINE.fullmatch(raw) is not None
