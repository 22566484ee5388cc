"""The relay of an outbox: fenced by another leader, without its database, with a row that it cannot write."""

import asyncio
from collections.abc import Sequence

import pytest
from node_till_effect.v1_0_0.models import TillChanged
from structlog.testing import capture_logs

from onex.agent.effect import outbox_relay as module
from onex.agent.effect.outbox_relay import OutboxRelay
from onex.agent.message.program import build_program
from onex.errors import ConfigurationError, OutageError
from onex.model.enums import EnumStage
from onex.node.outbox import OutboxEvent
from onex.testing import MeshDriver
from tests.conftest import NODES


class ListOutbox:
    """An outbox with its rows in a list. This process leads."""

    def __init__(self, rows: list[OutboxEvent], stopping: asyncio.Event, away: str = "") -> None:
        """``away``: the call that fails once."""
        self.rows = rows
        self._stopping = stopping
        self._away = away

    async def lead(self) -> bool:
        self._fail_at("lead")
        return True

    async def take(self, most: int) -> Sequence[OutboxEvent]:
        self._fail_at("take")
        return self.rows[:most]

    def _fail_at(self, call: str) -> None:
        if self._away == call:
            self._away = ""
            raise OutageError("PostgreSQL is away")

    async def done(self, numbers: Sequence[int]) -> None:
        self._fail_at("done")
        self.rows = [row for row in self.rows if row.number not in numbers]
        if not self.rows:
            self._stopping.set()

    async def wait(self, seconds: float) -> None: ...


def row(number: int, kind: str = "TillChanged", body: str = "") -> OutboxEvent:
    body = body or TillChanged(till="t", amount=number).model_dump_json()
    return OutboxEvent(number, f"id-{number}", kind, body, "", "c", "m")


def relayed(
    rows: list[OutboxEvent], monkeypatch: pytest.MonkeyPatch, *, fence: bool = False, away: str = ""
) -> list[int | str]:
    """Return the published amounts, and the ids of dead letters."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody")
    monkeypatch.setattr(module, "_FOLLOW", 0.0)
    monkeypatch.setattr("node_till_effect.v1_0_0.node.NodeTillEffect.start", _no_start)
    mesh = MeshDriver([NODES / "node_till_effect" / "v1_0_0"])
    program = build_program(mesh.nodes[0], mesh.catalogue)

    async def scene() -> None:
        stopping = asyncio.Event()
        outbox = ListOutbox(rows[:1] if fence else rows, stopping, away)
        relay = OutboxRelay(outbox, program, mesh.bus, "g", mesh.clock)
        if fence:
            await relay.step()
            mesh.bus.transaction("g.outbox")  # somebody else leads for a moment
            stopping.clear()
            outbox.rows = rows[1:]
        await relay.run(stopping)

    try:
        asyncio.run(scene())
        letters = [dict(letter.headers() or ())["onex-dlq-message-id"].decode() for letter in mesh.dead_letters()]
        return [*(message.amount for message in mesh.published(TillChanged)), *letters]
    finally:
        mesh.close()


async def _no_start(_: object) -> None: ...


def test_a_relay_that_was_fenced_continues_when_it_leads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert relayed([row(1), row(2), row(3)], monkeypatch, fence=True) == [1, 2, 3]


@pytest.mark.parametrize("call", ["lead", "take", "done"])
def test_a_relay_waits_for_its_database_and_publishes_nothing_twice(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert relayed([row(1), row(2), row(3)], monkeypatch, away=call) == [1, 2, 3]


def test_an_event_that_no_broker_takes_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    large = TillChanged(till="t" * 2_000_000, amount=2).model_dump_json()
    with capture_logs() as lines:
        assert relayed([row(1), row(2, body=large), row(3)], monkeypatch) == [1, 3, "id-2"]
    (line,) = [line for line in lines if line["event"] == "dead letter"]
    assert line["stage"] == EnumStage.ENCODE
    assert line["topic"] == "onex.evt.till.till-changed.v1"


def test_a_row_of_a_newer_version_is_published_without_unknown_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    assert relayed([row(1, body='{"till": "t", "amount": 5, "note": "new"}')], monkeypatch) == [5]


def test_a_row_of_an_unknown_type_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="row 7 of the outbox has a Gone.*declare it again"):
        relayed([row(7, "Gone")], monkeypatch)
