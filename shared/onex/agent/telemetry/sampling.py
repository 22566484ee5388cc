"""Chooses the traces in which an agent makes spans: those that were sampled, up to a limit."""

from secrets import randbits
from typing import Final

from onex.agent.message.envelope import Envelope

_LENGTH: Final = 55
"""Characters of a ``traceparent``: version, trace id, parent id, flags."""
_NOT_SAMPLED: Final = b"02468ace"
"""Last digits of flags whose last bit, ``sampled``, is not set (W3C Trace Context, 3.2.2.5)."""
_RANDOM: Final = slice(21, 35)
"""The last 56 bits of the trace id, which are random (W3C Trace Context, level 2, 3.2.2.3)."""
_RANGE: Final = 1 << 56
_WINDOW_NS: Final = 1_000_000_000


class TraceSampling:
    """Takes at most ``most`` messages a second; 0 for no limit.

    Spans cost more than most messages, so a busy agent must leave traces out. Trace id and rate of the second before
    decide which ones, as in OpenTelemetry's consistent sampling: agents with the same rate choose the same traces,
    and an agent with a higher rate chooses a part of them, so that traces are as complete as possible. A message that
    is left out keeps its trace context. A message without a trace context gets one that is not sampled, so that the
    next node does not begin a trace in the middle.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._least = b""
        """The least trace id that is taken."""
        self._offered = self._taken = 0
        self._since_ns = 0

    def polled(self, now_ns: int) -> None:
        """Note that a batch has arrived. Once a second, compute the share of traces again."""
        passed = now_ns - self._since_ns
        if not self._most or passed < _WINDOW_NS:
            return
        expected = self._offered * _WINDOW_NS / passed
        self._least = b"%014x" % round((1 - self._most / expected) * _RANGE) if expected > self._most else b""
        self._offered = self._taken = 0
        self._since_ns = now_ns

    def takes(self, envelope: Envelope) -> bool:
        """Return whether to make spans for a message."""
        parent = envelope.trace_parent
        if parent is not None and len(parent) == _LENGTH:
            return parent[-1:] not in _NOT_SAMPLED and (not self._most or self._fits(parent))
        if not self._most:
            return True
        parent = b"00-%032x-%016x-00" % (randbits(128) | 1, randbits(64) | 1)
        if self._fits(parent):
            return True
        envelope.trace_parent = parent
        return False

    def _fits(self, parent: bytes) -> bool:
        self._offered += 1
        if self._taken >= self._most or parent[_RANDOM] < self._least:
            return False
        self._taken += 1
        return True
