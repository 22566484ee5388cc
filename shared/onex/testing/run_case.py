"""One golden case on the in-memory host."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from onex.contract import ResolvedNode
from onex.errors import ContractError, ContractProblem, RejectedError
from onex.model.message import Message
from onex.testing.cases import Case, Named, mismatch
from onex.testing.driver import MeshDriver, Sent
from onex.wire import dead_letter as d
from onex.wire import headers as h


def run_case(folder: Path, case: Case, *, virtual_time: bool = True) -> str:
    """Return the difference between the case and what the node does; empty when there is none."""
    driver = MeshDriver([folder], virtual_time=virtual_time)
    try:
        correlation = uuid.uuid4().hex
        for given in case.given:
            _feed(driver, case, given, correlation, case.given_headers)
        sent = _feed(driver, case, case.when, correlation, case.headers)
        return mismatch(case, published_by(driver, sent), letter_of(driver, sent))
    finally:
        driver.close()


def _feed(
    driver: MeshDriver, case: Case, named: Mapping[str, object], correlation: str, own: Mapping[str, str]
) -> Sent:
    (name, payload), node = next(iter(named.items())), driver.nodes[0]
    sent = Sent(uuid.uuid4().hex, correlation)
    topic = node.contract.event_bus.subscribe_topics[0] if name == "bytes" else driver.topic_of(_model(node, name))
    headers = [(h.ID, sent.id.encode()), (h.CORRELATION, correlation.encode()), *header_pairs(own)]
    value = case_bytes(name, payload)
    if name != "bytes":
        value = driver.in_form(topic, _model(node, name), value)
        headers += node.contract.event_bus.type_headers(topic, name)
    driver.publish(topic, value, (case_key(node, case, named) or "case").encode(), headers)
    return sent


def _model(node: ResolvedNode, name: str) -> type[Message]:
    """Return the message type that a case names. Raise ContractError for a type that the node does not take."""
    models = {route.model.__name__: route.model for route in node.all_routes}
    if name not in models:
        words, remedy = f"the node takes no message {name}", f"name one of {', '.join(sorted(models))}, or `bytes`"
        raise ContractError([ContractProblem(node.folder / "cases.yaml", 1, "cases", words, remedy)])
    return models[name]


def case_key(node: ResolvedNode, case: Case, named: Mapping[str, object]) -> str:
    """Return the key that a message declares, else the first key that a message of the case declares.

    Return an empty text when no message declares a key.
    """
    declared = (_declared_key(node, message) for message in (named, *case.given, case.when))
    return next(filter(None, declared), "")


def _declared_key(node: ResolvedNode, named: Mapping[str, object]) -> str:
    name, payload = next(iter(named.items()))
    model = node.models.get(name)
    if model is None or model.key_field is None:
        return ""
    try:
        return (model.model_validate_json(json.dumps(payload)).partition_key() or b"").decode()
    except (ValidationError, RejectedError):  # the case may be about a message that cannot be read
        return ""


def header_pairs(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Return the headers of a case as a record has them."""
    return [(name, value.encode()) for name, value in headers.items()]


def case_bytes(name: str, payload: object) -> bytes:
    """Return the bytes of a case's message: JSON, as any client may write it, or the bytes of the case."""
    return bytes.fromhex(str(payload)) if name == "bytes" else json.dumps(payload).encode()


def published_by(driver: MeshDriver, sent: Sent) -> list[Named]:
    """Return what the first node of a driver has published because of a message, by type."""
    node = driver.nodes[0]
    published: list[Named] = []
    for model, topic in node.outputs.items():
        for record, message in driver.messages(model, topic):
            if dict(record.headers() or []).get(h.CAUSATION) == sent.id.encode():
                published.append({model.__name__: message.model_dump(mode="json")})
    return published


def letter_of(driver: MeshDriver, sent: Sent) -> dict[str, str] | None:
    """Return the facts of a message's dead letter without their prefix, or None when it has none."""
    for record in driver.dead_letters():
        headers = {name: value.decode(errors="replace") for name, value in record.headers() or []}
        if headers.get(d.MESSAGE_ID) == sent.id:
            return {name.removeprefix(d.PREFIX): value for name, value in headers.items()}
    return None
