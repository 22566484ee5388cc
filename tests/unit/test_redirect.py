"""Dead letters go to a renamed node, or to another version of their message: checked, audited, each of them once."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from onex.bus.protocols import ProtocolTransaction
from onex.cli.main import app
from onex.contract import ResolvedNode, resolve_node
from onex.dlq import Author, DeadLetter, DeadLetterManager, EnumLetterState, LetterFilter
from onex.dlq.redirect import Redirect, RedirectOptions, Redirector
from onex.dlq.redirect_source import LetterSource
from onex.errors import BusError, RejectedError
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import ManualClock, MeshDriver
from onex.wire import headers as h

CONTRACT = """\
name: NAME
node_type: KIND
contract_version: {major: 1, minor: 0, patch: 0}
description: Sells, or does not.
event_bus:
  subscribe_topics: [onex.cmd.TOPIC]
  publish_topics: [onex.evt.OWNER.bought.v1]
handler_routing:
  handlers:
    - {event_model: Buy, handler: buy, output_events: [Bought]}
"""
MODELS = """\
from onex.node import Message


class Buy(Message, key="item"):
    item: str
    FIELDS


class Bought(Message, key="item"):
    item: str
    text: str
"""
NODE = """\
from NAME.v1_0_0.models import Bought, Buy

import onex.node
from onex.node import RejectedError


class CLASS(BASE):
    DEF buy(self, request: BuyCONTEXT) -> Bought:
        BODY
"""
CLOSED, RENAMED, SECOND, THIRD, FENCED = (
    "node_closed_compute",
    "node_renamed_compute",
    "node_second_compute",
    "node_third_compute",
    "node_fenced_effect",
)
_REFUSES, _SELLS = "raise RejectedError('closed')", "return Bought(item=request.item, text=repr(request))"


def written(root: Path, name: str, topic: str, fields: str, body: str = _SELLS) -> ResolvedNode:
    folder, is_effect = root / name / "v1_0_0", name.endswith("_effect")
    (folder / "models").mkdir(parents=True)
    words = {
        "NAME": name,
        "KIND": "EFFECT" if is_effect else "COMPUTE",
        "TOPIC": topic,
        "OWNER": name.split("_")[1],
        "FIELDS": fields,
        "CLASS": "".join(map(str.capitalize, name.split("_"))),
        "BASE": "onex.node.NodeEffect" if is_effect else "onex.node.NodeCompute[Buy, Bought]",
        "DEF": "async def" if is_effect else "def",
        "BODY": body,
        "CONTEXT": ", context: onex.node.Context" if is_effect else "",
    }
    fence = "error_handling: {dead_letter: {order_fence: true}}\n" if is_effect else ""
    for file, text in (("contract.yaml", CONTRACT + fence), ("models/__init__.py", MODELS), ("node.py", NODE)):
        for word, value in words.items():
            text = text.replace(word, value)
        (folder / file).write_text(text)
    return resolve_node(folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("redirect")


@pytest.fixture(scope="module")
def nodes(root: Path) -> dict[str, ResolvedNode]:
    return {
        CLOSED: written(root, CLOSED, "shop.buy.v1", "count: int", _REFUSES),
        RENAMED: written(root, RENAMED, "shop.buy.v1", "count: int"),
        SECOND: written(root, SECOND, "shop.buy.v2", "count: int\n    gift: bool = False"),
        THIRD: written(root, THIRD, "shop.buy.v3", "price: float"),
        FENCED: written(root, FENCED, "bank.buy.v1", "count: int", _REFUSES),
    }


@pytest.fixture
def mesh(nodes: dict[str, ResolvedNode]) -> Iterator[MeshDriver]:
    driver = MeshDriver(list(nodes.values()))
    yield driver
    driver.close()


def buy(mesh: MeshDriver, node: ResolvedNode, *items: str) -> None:
    for item in items:
        message = node.models["Buy"].model_validate({"item": item, "count": 2})
        mesh.send(message, id=f"id-{item}")


def redirector(
    mesh: MeshDriver,
    source: ResolvedNode | None,
    target: ResolvedNode,
    options: RedirectOptions | None = None,
    name: str = "",
) -> Redirector:
    own = LetterSource(source.contract.name if source else name, 1, "test", "", source)
    catalogue, author = TopicCatalogue(mesh.bus), Author("me", "closed for good")
    return Redirector(mesh.bus, catalogue, own, target, author, options or RedirectOptions(), sleep=lambda _: None)


def found(redirects: Redirector, **wanted: str) -> list[DeadLetter]:
    return list(redirects.find(LetterFilter(**wanted)))  # type: ignore[arg-type]  # as given


def states(mesh: MeshDriver, node: ResolvedNode) -> set[EnumLetterState]:
    desk = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), node, Author("me"), "test")
    return {state for _, state in desk.find()}


def bought(mesh: MeshDriver, node: ResolvedNode) -> list[str]:
    return sorted(message.text for message in mesh.published(node.models["Bought"]))  # type: ignore[attr-defined]  # written above


def test_a_renamed_node_gets_the_records_as_they_were_also_without_the_old_contract(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode]
) -> None:
    buy(mesh, nodes[CLOSED], "a")
    mesh.publish("onex.cmd.shop.buy.v1", b'{"count": 2, "item": "b"}', b"b", [(h.ID, b"id-b")])
    before = len(bought(mesh, nodes[RENAMED]))
    redirects = redirector(mesh, None, nodes[RENAMED], name=CLOSED)
    letters = found(redirects)
    report = redirects.run(letters)
    assert (report.redirected, report.refused, report.stopped) == (2, {}, "")
    mesh.run_until_idle()
    assert len(bought(mesh, nodes[RENAMED])) == before + 2
    records = mesh.records(nodes[RENAMED].contract.retry_topic)
    assert {r.value() for r in records} == {letter.record.value() for letter in letters}
    assert {dict(r.headers() or [])[h.ID] for r in records} == {b"id-a", b"id-b"}
    assert states(mesh, nodes[CLOSED]) == {EnumLetterState.REDIRECTED}
    assert not found(redirects), "none goes twice"
    entries = DeadLetterManager(mesh.bus, TopicCatalogue(mesh.bus), nodes[CLOSED], Author("me"), "test").audited()
    assert [(e.action, e.who, e.why) for e in entries] == [("redirected", "me", "closed for good")] * 2
    assert entries[0].detail.startswith(f"to {RENAMED} as onex.cmd.shop.buy.v1: ")


def test_a_letter_of_version_1_is_read_as_version_2(mesh: MeshDriver, nodes: dict[str, ResolvedNode]) -> None:
    message = nodes[CLOSED].models["Buy"].model_validate({"item": "a", "count": 2})
    mesh.send(message, headers=[(h.TYPE, b"onex.cmd.shop.buy.v1")])
    redirects = redirector(mesh, nodes[CLOSED], nodes[SECOND])
    letters = found(redirects)
    assert '+  "gift": false' in redirects.prepare(letters[0]).difference
    redirects.run(letters)
    mesh.run_until_idle()
    assert bought(mesh, nodes[SECOND]) == ["Buy(item='a', count=2, gift=False)"]
    assert not mesh.dead_letters(nodes[SECOND].node_class)


def test_what_does_not_fit_stays_open_until_the_operator_makes_it_fit(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode]
) -> None:
    buy(mesh, nodes[CLOSED], "a")
    mesh.publish("onex.cmd.shop.buy.v1", b"\x00junk", b"c", [])
    plain = redirector(mesh, nodes[CLOSED], nodes[THIRD])
    report = plain.run(found(plain))
    assert report.redirected == 0
    unread, unfit = sorted(report.refused, key=lambda reason: "price" in reason)
    assert unread.startswith("it cannot be read: ")
    assert unfit.startswith("it does not fit onex.cmd.shop.buy.v3: ")
    assert ("price" in unfit, "count" in unfit) == (True, True)
    assert states(mesh, nodes[CLOSED]) == {EnumLetterState.OPEN}
    changed = redirector(
        mesh, nodes[CLOSED], nodes[THIRD], RedirectOptions(changes={"price": "1.5"}, removed=["count"])
    )
    assert changed.run(found(changed, key="a")).redirected == 1
    mesh.run_until_idle()
    assert bought(mesh, nodes[THIRD]) == ["Buy(item='a', price=1.5)"]


def test_a_redirect_that_is_interrupted_or_fails_goes_on_where_it_stopped(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode]
) -> None:
    buy(mesh, nodes[CLOSED], *(f"{number:03}" for number in range(6)))
    redirects = redirector(mesh, nodes[CLOSED], nodes[RENAMED], RedirectOptions(rate=2))
    done = list[int]()
    report = redirects.run(found(redirects), lambda: bool(done), done.append)
    assert (report.redirected, report.stopped, done) == (2, "interrupted; run it again to continue", [2])
    mesh.broker.denied.add(nodes[RENAMED].contract.retry_topic)
    with pytest.raises(BusError):
        redirects.run(found(redirects))
    mesh.broker.denied.clear()
    assert redirects.run(found(redirects)).redirected == 4
    items = [record.key() or b"" for record in mesh.records(nodes[RENAMED].contract.retry_topic)]
    assert sorted(items) == [b"%03d" % number for number in range(6)]


def test_a_redirect_keeps_its_rate_and_does_not_wait_at_its_end(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a batch counts."""
    buy(mesh, nodes[CLOSED], *(f"{number:03}" for number in range(6)))
    redirects, waits = redirector(mesh, nodes[CLOSED], nodes[RENAMED], RedirectOptions(rate=2)), list[float]()
    clock, send = ManualClock(), redirects._send

    def slow(transaction: ProtocolTransaction, batch: Sequence[Redirect]) -> None:
        send(transaction, batch)
        clock.move_to(clock.monotonic() + 0.25)

    monkeypatch.setattr(redirects, "_send", slow)
    redirects._monotonic, redirects._sleep = clock.monotonic, waits.append
    assert redirects.run(found(redirects)).redirected == 6
    assert waits == [0.75, 0.75]


def test_the_key_of_a_node_with_an_order_fence_waits_no_longer(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode]
) -> None:
    node = nodes[FENCED]
    buy(mesh, node, "a")
    mesh.advance("1s")
    buy(mesh, node, "a")
    assert len(mesh.dead_letters(node.node_class)) == 1, "the second waits for the first"
    target = nodes[RENAMED]
    redirects = redirector(mesh, node, target, RedirectOptions(into="onex.cmd.shop.buy.v1"))
    assert redirects.run(found(redirects)).redirected == 1
    mesh.advance("1s")
    assert len(mesh.dead_letters(node.node_class)) == 2


def test_what_cannot_be_redirected_is_refused_with_what_to_do(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode]
) -> None:
    buy(mesh, nodes[CLOSED], "a")
    with pytest.raises(RejectedError, match="does not read 'x'; pass --into with one of onex.cmd.shop.buy.v1"):
        redirector(mesh, nodes[CLOSED], nodes[RENAMED], RedirectOptions(into="x"))
    for source, target, reason in (
        (CLOSED, CLOSED, "where it failed; use `onex dlq replay`"),
        (CLOSED, FENCED, "reads neither onex.cmd.shop.buy.v1 nor one other version of it; pass --into with one of"),
    ):
        redirects = redirector(mesh, nodes[source], nodes[target])
        (letter,) = found(redirects)
        with pytest.raises(RejectedError, match=reason):
            redirects.prepare(letter)
    redirects = redirector(mesh, nodes[CLOSED], nodes[RENAMED])
    (letter,) = found(redirects)
    timer = DeadLetter(letter.record, letter.facts | {"offset": "-1"})
    with pytest.raises(RejectedError, match=f"a timer belongs to the state of {CLOSED}"):
        redirects.prepare(timer)
    with pytest.raises(RejectedError, match="only a part of the record"):
        redirects.prepare(DeadLetter(letter.record, letter.facts | {"truncated": "9"}))


def test_the_command_plans_redirects_and_says_what_stays(
    mesh: MeshDriver, nodes: dict[str, ResolvedNode], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    monkeypatch.setattr("onex.cli.dlq.redirect.open_own_bus", lambda _: mesh.bus)
    monkeypatch.setattr("onex.cli.dlq.redirect.open_catalogue", lambda *_: TopicCatalogue(mesh.bus))

    def onex(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["dlq", "redirect", *arguments, "--services", str(root)])

    buy(mesh, nodes[CLOSED], "a", "b")
    plan = onex("--node", CLOSED, "--to", SECOND, "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert (
        f"2 dead letters of {CLOSED} would go to {SECOND} only, as onex.cmd.shop.buy.v2, oldest first" in plan.output
    )
    assert '+  "gift": false' in plan.output
    unfit = json.loads(onex("--node", CLOSED, "--to", THIRD, "--dry-run", "--json").stdout)
    assert (unfit["would_redirect"], sum(unfit["refused"].values())) == ({}, 2)
    refused = onex("--node", CLOSED, "--to", THIRD)
    assert refused.exit_code == 1
    assert "2 stay as they are: it does not fit onex.cmd.shop.buy.v3: " in refused.output
    done = onex("--node", CLOSED, "--to", SECOND, "--key", "a", "--set", "count=7")
    assert (done.exit_code, done.output) == (0, f"1 dead letters of {CLOSED} went to {SECOND} only\n")
    assert onex("--node", CLOSED, "--major", "9", "--to", SECOND).exit_code == 4, "no such topic"
    assert "no node 'nothing'" in onex("--node", "nothing", "--to", SECOND).output
    mesh.run_until_idle()
    assert bought(mesh, nodes[SECOND]) == ["Buy(item='a', count=7, gift=False)"]
