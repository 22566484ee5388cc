"""Results stored by idempotency key, for effects without a database."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from node_transfer_effect.v1_0_0.models import MoneyTransferred, MoveMoney
from node_transfer_effect.v1_0_0.node import NodeTransferEffect

from onex.contract import ResolvedNode, resolve_node
from onex.model.contract import ModelContract
from onex.model.enums import EnumOrdering
from onex.node import Addressed, Context, RejectedError
from onex.node.idempotent_result import EffectResult, KeptAnswer, digest_of, dump_result, load_result
from onex.schema import avro_schema
from onex.testing import MeshDriver, Sent
from onex.testing.effect_runner import MemoryEffectRunner
from onex.wire import headers as h
from tests.conftest import NODES

CHANGELOG = "onex.state.node_transfer_effect.v1"


def test_the_record_of_stored_results_keeps_its_name() -> None:
    """Changelogs that exist have it. With another name ``onex apply`` would refuse the schema."""
    assert avro_schema(KeptAnswer)["name"] == "KeptAnswer"


class Bank:
    """The outside world: the requests that it got, and how it behaves."""

    calls: Counter[str] = Counter()
    failing: set[str] = set()
    chatty: set[str] = set()


async def move(
    _: NodeTransferEffect, command: MoveMoney, context: Context
) -> MoneyTransferred | list[MoneyTransferred]:
    Bank.calls[context.idempotency_key] += 1
    await asyncio.sleep(0.5)
    if command.account in Bank.failing:
        raise RejectedError("no such account")
    if command.account in Bank.chatty:
        return [MoneyTransferred(account="x" * 300_000, receipt=number) for number in range(4)]
    return MoneyTransferred(account=command.account, receipt=Bank.calls.total())


@pytest.fixture(autouse=True)
def _bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NodeTransferEffect, "move", move)
    Bank.calls.clear()
    Bank.failing.clear()
    Bank.chatty.clear()


def transfer(ordering: EnumOrdering = EnumOrdering.KEY) -> ResolvedNode:
    resolved = resolve_node(NODES / "node_transfer_effect" / "v1_0_0")
    delivery = resolved.contract.delivery.model_copy(update={"ordering": ordering})
    return replace(resolved, contract=resolved.contract.model_copy(update={"delivery": delivery}))


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([transfer()])
    yield driver
    driver.close()


def ask(mesh: MeshDriver, account: str = "a", key: str = "k", *, run: bool = True) -> Sent:
    message = MoveMoney(account=account, amount=1)
    return mesh.send(message, headers=[(h.IDEMPOTENCY_KEY, key.encode())], run=run)


def test_the_same_key_again_gets_the_same_result_under_its_own_ids(mesh: MeshDriver) -> None:
    first = ask(mesh)
    mesh.advance("1s")
    again = ask(mesh)
    assert Bank.calls == {"k": 1}
    assert (
        mesh.published(MoneyTransferred, first)
        == mesh.published(MoneyTransferred, again)
        == [MoneyTransferred(account="a", receipt=1)]
    )
    ids = [dict(record.headers() or [])[h.ID] for record in mesh.records("onex.evt.transfer.money-transferred.v1")]
    assert len(set(ids)) == 2, "two commands, two answers"


def test_other_keys_are_other_work(mesh: MeshDriver) -> None:
    ask(mesh, key="k")
    ask(mesh, key="l")
    mesh.advance("2s")
    assert Bank.calls == {"k": 1, "l": 1}


def test_a_command_that_is_sent_while_the_first_one_runs_waits_for_its_result() -> None:
    mesh = MeshDriver([transfer(EnumOrdering.NONE)])
    asked = [ask(mesh, run=False) for _ in range(5)]
    mesh.run_until_idle()
    mesh.advance("5s")
    assert Bank.calls == {"k": 1}
    assert all(len(mesh.published(MoneyTransferred, sent)) == 1 for sent in asked)
    mesh.close()


def test_a_failure_is_not_stored(mesh: MeshDriver) -> None:
    Bank.failing.add("a")
    bad = ask(mesh)
    mesh.advance("1s")
    assert mesh.dead_letter_of(bad)
    Bank.failing.clear()
    good = ask(mesh)
    mesh.advance("1s")
    assert Bank.calls == {"k": 2}
    assert mesh.published(MoneyTransferred, good)


def test_a_result_survives_crash_and_rebalance(mesh: MeshDriver) -> None:
    for number in range(20):
        ask(mesh, f"a-{number}", f"k-{number}")
    mesh.advance("1s")
    (old,) = mesh.instances_of(NodeTransferEffect)
    mesh.crash(old)
    mesh.add_instance(NodeTransferEffect)
    mesh.add_instance(NodeTransferEffect)
    mesh.run_until_idle()
    again = [ask(mesh, f"a-{number}", f"k-{number}") for number in range(20)]
    mesh.advance("1s")
    assert set(Bank.calls.values()) == {1}
    assert all(mesh.published(MoneyTransferred, sent) for sent in again)


def test_a_result_is_in_the_changelog_only_with_its_event(mesh: MeshDriver) -> None:
    (instance,) = mesh.instances_of(NodeTransferEffect)
    instance.fail_next_commit()
    ask(mesh)
    mesh.advance("5s")
    ask(mesh)
    assert Bank.calls == {"k": 1}
    assert len(mesh.records(CHANGELOG)) == 1
    assert len(mesh.published(MoneyTransferred)) == 2


def test_a_result_is_forgotten_in_time(mesh: MeshDriver) -> None:
    ask(mesh)
    mesh.advance("23h")
    ask(mesh)
    assert Bank.calls == {"k": 1}
    mesh.advance("2h")
    ask(mesh)
    mesh.advance("1s")
    assert Bank.calls == {"k": 2}


def test_a_result_too_large_to_store_is_a_dead_letter(mesh: MeshDriver) -> None:
    Bank.chatty.add("a")
    sent = ask(mesh)
    mesh.advance("1s")
    assert "the result to be stored for onex.state." in str(mesh.dead_letter_of(sent))
    assert mesh.published(MoneyTransferred) == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        MoneyTransferred(account="a", receipt=1),
        [MoneyTransferred(account="a", receipt=1)],
        Addressed(MoneyTransferred(account="a", receipt=1), key="k", correlation_id="c"),
    ],
)
def test_results_of_every_shape_come_back(answer: EffectResult) -> None:
    assert load_result(dump_result(answer), {"MoneyTransferred": MoneyTransferred}) == answer


@pytest.mark.parametrize("kind", ["compute", "reducer", "orchestrator"])
def test_only_effects_store_results(kind: str) -> None:
    with pytest.raises(ValueError, match="delivery.keep_answers belongs to an EFFECT"):
        ModelContract.model_validate(
            {
                "name": f"node_x_{kind}",
                "node_type": kind,
                "contract_version": {"major": 1, "minor": 0, "patch": 0},
                "description": "x",
                "event_bus": {"subscribe_topics": ["onex.cmd.x.y.v1"], "publish_topics": []},
                "input_model": "X",
                "delivery": {"keep_answers": "1h"},
            }
        )


def test_a_result_of_a_newer_version_is_returned_after_a_roll_back() -> None:
    newer = '{"many": false, "messages": [["MoneyTransferred", {"account": "a", "receipt": 1, "note": "new"}]]}'
    models = {"MoneyTransferred": MoneyTransferred}
    assert load_result(newer, models) == MoneyTransferred(account="a", receipt=1)


def test_a_handler_that_ends_after_its_partition_was_lost_leaves_nothing(
    mesh: MeshDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(mesh)
    (instance,) = mesh.instances_of(NodeTransferEffect)
    host = instance._runner
    assert isinstance(host, MemoryEffectRunner)
    host.engine.abandon(host.consumer.assignment())
    mesh.advance("1s")
    assert Bank.calls == {"k": 1}
    assert mesh.records(CHANGELOG) == []
    assert "dead letter" not in capsys.readouterr().out


def ask_for(mesh: MeshDriver, amount: int, key: str = "k") -> Sent:
    sent = mesh.send(MoveMoney(account="a", amount=amount), headers=[(h.IDEMPOTENCY_KEY, key.encode())])
    mesh.advance("1s")
    return sent


def test_other_content_under_the_same_key_is_rejected(mesh: MeshDriver) -> None:
    first, other, again = ask_for(mesh, 1), ask_for(mesh, 2), ask_for(mesh, 1)
    letter = mesh.dead_letter_of(other)
    assert letter
    assert (letter["onex-dlq-class"], Bank.calls) == ("rejected", {"k": 1})
    assert "idempotency key 'k' is taken by a message of another type or content" in letter["onex-dlq-message"]
    assert mesh.published(MoneyTransferred, first) == mesh.published(MoneyTransferred, again) != []


def test_a_key_stays_bound_over_a_crash(mesh: MeshDriver) -> None:
    ask_for(mesh, 1)
    (old,) = mesh.instances_of(NodeTransferEffect)
    mesh.crash(old)
    mesh.add_instance(NodeTransferEffect)
    assert mesh.dead_letter_of(ask_for(mesh, 3))
    assert mesh.published(MoneyTransferred, ask_for(mesh, 1))


def test_a_result_that_an_earlier_version_stored_is_returned_for_any_content(
    mesh: MeshDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("onex.agent.effect.outcome_builder.digest_of", lambda _: "")
        ask_for(mesh, 1)
    assert mesh.published(MoneyTransferred, ask_for(mesh, 2))
    assert Bank.calls == {"k": 1}


class Wider(MoveMoney):
    note: str = ""


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (MoveMoney(account="a", amount=1), True),
        (MoveMoney(account="a", amount=2), False),
        (MoveMoney(account="b", amount=1), False),
        (Wider(account="a", amount=1), False),
    ],
)
def test_a_digest_is_of_type_and_content(other: MoveMoney, is_same: bool) -> None:
    assert (digest_of(MoveMoney(account="a", amount=1)) == digest_of(other)) is is_same


def test_a_field_with_a_default_leaves_the_digest_as_it_was() -> None:
    wider = type("MoveMoney", (Wider,), {})
    assert digest_of(wider(account="a", amount=1)) == digest_of(MoveMoney(account="a", amount=1))
    assert digest_of(wider(account="a", amount=1, note="x")) != digest_of(MoveMoney(account="a", amount=1))
