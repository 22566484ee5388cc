"""One golden case on the in-memory host."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path

from onex.agent import dead_letter as d
from onex.bus import headers as h
from onex.testing.cases import Case, Named, mismatch
from onex.testing.driver import MeshDriver, Sent


def run_case(folder: Path, case: Case, *, virtual_time: bool = True) -> str:
    """What differs between the case and what the node does; empty when it holds."""
    driver = MeshDriver([folder], virtual_time=virtual_time)
    try:
        key = f"case-{uuid.uuid4().hex}"
        correlation = uuid.uuid4().hex
        for given in case.given:
            _feed(driver, given, key, correlation)
        sent = _feed(driver, case.when, key, correlation)
        return mismatch(case, _published(driver, sent), _dead_letter(driver, sent))
    finally:
        driver.close()


def _feed(driver: MeshDriver, named: Mapping[str, object], key: str, correlation: str) -> Sent:
    (name, payload), node = next(iter(named.items())), driver.nodes[0]
    sent = Sent(uuid.uuid4().hex, correlation)
    topic = node.contract.event_bus.subscribe_topics[0] if name == "bytes" else driver.topic_of(node.models[name])
    headers = [(h.ID, sent.id.encode()), (h.CORRELATION, correlation.encode())]
    driver.publish(topic, case_bytes(name, payload), key.encode(), headers)
    return sent


def case_bytes(name: str, payload: object) -> bytes:
    """A case's message as any client may write it: JSON, or the given bytes."""
    return bytes.fromhex(str(payload)) if name == "bytes" else json.dumps(payload).encode()


def _published(driver: MeshDriver, sent: Sent) -> list[Named]:
    node = driver.nodes[0]
    found: list[Named] = []
    for model in node.outputs:
        for record, message in driver.messages(model):
            if dict(record.headers() or []).get(h.CAUSATION) == sent.id.encode():
                found.append({model.__name__: message.model_dump(mode="json")})
    return found


def _dead_letter(driver: MeshDriver, sent: Sent) -> dict[str, str] | None:
    for record in driver.dead_letters():
        headers = {name: value.decode(errors="replace") for name, value in record.headers() or []}
        if headers.get(d.MESSAGE_ID) == sent.id:
            return {name.removeprefix(d.PREFIX): value for name, value in headers.items()}
    return None
