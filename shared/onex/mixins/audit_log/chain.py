"""Chains of sealed entries, and what is wrong with one."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator

from onex.model.mesh import AuditRecorded

FIRST = "0" * 64
"""What the first entry of a chain follows."""


def seal_of(entry: AuditRecorded, key: bytes = b"") -> str:
    """Hash over everything else in an entry, the seal before it among that."""
    text = json.dumps(entry.model_dump(mode="json", exclude={"seal"}), sort_keys=True, separators=(",", ":"))
    made = hmac.new(key, text.encode(), hashlib.sha256) if key else hashlib.sha256(text.encode())
    return made.hexdigest()


def sealed(entry: AuditRecorded, key: bytes = b"") -> AuditRecorded:
    """The same entry with its seal."""
    return entry.model_copy(update={"seal": seal_of(entry, key)})


def problems_of(entries: Iterable[AuditRecorded], key: bytes = b"") -> Iterator[str]:
    """What is wrong with chains: entries that were changed, taken out or put in between. Nothing for those in order.

    Entries may come in any order, and more than once as long as they are the same.
    """
    chains: dict[str, dict[int, AuditRecorded]] = {}
    for entry in entries:
        known = chains.setdefault(entry.chain, {}).setdefault(entry.number, entry)
        if known != entry:
            yield f"{entry.chain}: there are two different entries {entry.number}"
    for name, chain in sorted(chains.items()):
        yield from _problems_of_one(name, chain, key)


def _problems_of_one(name: str, chain: dict[int, AuditRecorded], key: bytes) -> Iterator[str]:
    before, expected = FIRST, 1
    for number, entry in sorted(chain.items()):
        if number != expected:
            yield f"{name}: entries {expected} to {number - 1} are missing"
        elif entry.previous != before:
            yield f"{name}: entry {number} does not follow the one before it"
        if seal_of(entry, key) != entry.seal:
            yield f"{name}: entry {number} was changed"
        before, expected = entry.seal, number + 1
