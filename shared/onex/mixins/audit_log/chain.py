"""Chains of sealed entries, and their verification."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator

from onex.model.mesh import AuditRecorded

FIRST = "0" * 64
"""The previous seal in the first entry of a chain."""


def seal_of(entry: AuditRecorded, key: bytes = b"") -> str:
    """Return the hash over all other fields of an entry, which include the seal of the previous entry.

    HMAC-SHA256 with a key, SHA-256 without one.
    """
    text = json.dumps(entry.model_dump(mode="json", exclude={"seal"}), sort_keys=True, separators=(",", ":"))
    digest = hmac.new(key, text.encode(), hashlib.sha256) if key else hashlib.sha256(text.encode())
    return digest.hexdigest()


def sealed(entry: AuditRecorded, key: bytes = b"") -> AuditRecorded:
    """Return the entry with its seal."""
    return entry.model_copy(update={"seal": seal_of(entry, key)})


def problems_of(entries: Iterable[AuditRecorded], key: bytes = b"") -> Iterator[str]:
    """Yield the problems of chains: entries that were changed, removed or inserted. Nothing for intact chains.

    Entries may come in any order. Equal copies of an entry are no problem.
    """
    chains: dict[str, dict[int, AuditRecorded]] = {}
    for entry in entries:
        first_copy = chains.setdefault(entry.chain, {}).setdefault(entry.number, entry)
        if first_copy != entry:
            yield f"{entry.chain}: there are two different entries {entry.number}"
    for name, chain in sorted(chains.items()):
        yield from _problems_of_chain(name, chain, key)


def _problems_of_chain(name: str, chain: dict[int, AuditRecorded], key: bytes) -> Iterator[str]:
    previous_seal, expected = FIRST, 1
    for number, entry in sorted(chain.items()):
        if number != expected:
            yield f"{name}: entries {expected} to {number - 1} are missing"
        elif entry.previous != previous_seal:
            yield f"{name}: entry {number} does not follow the previous one"
        if seal_of(entry, key) != entry.seal:
            yield f"{name}: entry {number} was changed"
        previous_seal, expected = entry.seal, number + 1
