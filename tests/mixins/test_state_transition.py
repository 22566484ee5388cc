"""The state machine of a contract: guards, priorities, wildcards, and entry and exit actions."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_lease_orchestrator.v1_0_0.models import EndLease, LeaseEnded, LeaseNoted, TakeLease
from node_lease_orchestrator.v1_0_0.node import NodeLeaseOrchestrator
from node_loan_reducer.v1_0_0.models import BookLent, BookReturned, LoanNoted
from node_loan_reducer.v1_0_0.node import NodeLoanReducer
from typer.testing import CliRunner

from onex.cli.main import app
from onex.contract import resolve_node
from onex.errors import ContractError
from onex.model.message import Message
from onex.node import Context, Decision, Reduction
from onex.testing import MeshDriver, load_cases, run_case
from onex.testing.cases import Case
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

LOAN = NODES / "node_loan_reducer" / "v1_0_0"
LEASE = NODES / "node_lease_orchestrator" / "v1_0_0"
NAMED = "  state_transition:\n"


@pytest.mark.enforces(
    "state_transition.state_field",
    "state_transition.initial_state",
    "state_transition.states",
    "state_transition.states.name",
    "state_transition.states.entry_actions",
    "state_transition.states.exit_actions",
    "state_transition.transitions",
    "state_transition.transitions.name",
    "state_transition.transitions.from_state",
    "state_transition.transitions.to_state",
    "state_transition.transitions.trigger",
    "state_transition.transitions.priority",
    "state_transition.transitions.conditions",
    "state_transition.transitions.guards",
    "state_transition.transitions.guards.field",
    "state_transition.transitions.guards.operator",
    "state_transition.transitions.guards.value",
)
@pytest.mark.parametrize("case", load_cases(LOAN), ids=lambda case: case.name)
def test_a_case_of_the_reducer(case: Case) -> None:
    assert run_case(LOAN, case) == ""


def test_the_actions_run_in_the_order_exit_handler_entry() -> None:
    mesh = MeshDriver([LOAN])
    mesh.send(BookLent(book="b", days=7))
    mesh.send(BookReturned(book="b", damage=0.9))
    assert [noted.what for noted in mesh.published(LoanNoted)] == [
        "leave shelf",
        "lend from shelf to lent",
        "enter lent after 1",
        "exit lent",
        "take back to repair",
        "enter repair after 1",
    ]
    mesh.close()


@pytest.mark.enforces("state_transition.states.terminal")
def test_a_wildcard_does_not_leave_a_terminal_state() -> None:
    text = (LOAN / "contract.yaml").read_text().replace("name: repair, ", "name: repair, terminal: true, ")
    text = "".join(line for line in text.splitlines(keepends=True) if "repaired" not in line)
    with contract_file(LOAN, text) as file:
        mesh = MeshDriver([resolve_node(file)])
    for damage in (0.9, 0.9):
        mesh.send(BookLent(book="b", days=7))
        mesh.send(BookReturned(book="b", damage=damage, smell="mould"))
    assert [noted.what for noted in mesh.published(LoanNoted)][-1] == "enter repair after 1"
    assert len(mesh.dead_letters()) == 2
    mesh.close()


@pytest.fixture
def leases() -> Iterator[MeshDriver]:
    mesh = MeshDriver([LEASE])
    yield mesh
    mesh.close()


def test_an_entry_action_sets_the_timer_of_a_state(leases: MeshDriver) -> None:
    leases.send(TakeLease(lease="l"))
    leases.advance("61s")
    assert leases.published(LeaseEnded) == [LeaseEnded(lease="l", how="expired")]
    assert leases.dead_letters() == []


def test_an_exit_action_cancels_it(leases: MeshDriver) -> None:
    leases.send(TakeLease(lease="l"))
    leases.send(EndLease(lease="l"))
    leases.advance("2m")
    assert [ended.how for ended in leases.published(LeaseEnded)] == ["ended"]
    assert leases.dead_letters() == [], "the timer does not fire in the state after it"


def test_a_transition_to_the_same_state_starts_the_timer_again(leases: MeshDriver) -> None:
    leases.send(TakeLease(lease="l", seconds=60))
    leases.advance("50s")
    leases.send(TakeLease(lease="l", seconds=60))
    leases.advance("50s")
    assert leases.published(LeaseEnded) == []
    assert [noted.what for noted in leases.published(LeaseNoted)] == ["started", "stopped", "started"]
    leases.advance("11s")
    assert [ended.how for ended in leases.published(LeaseEnded)] == ["expired"]


def test_a_command_without_a_transition_is_a_dead_letter(leases: MeshDriver) -> None:
    leases.send(EndLease(lease="l"))
    (record,) = leases.dead_letters()
    assert b"no transition from 'free' on EndLease" in dict(record.headers() or [])["onex-dlq-message"]


def _wrong(result: object) -> object:
    return lambda self, state, event, context: result


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "action note_exit returned NoneType, not a Reduction"),
        (Decision(None), "action note_exit returned Decision, not a Reduction"),
        (Reduction(None), "action note_exit returned no state; only a handler can delete it"),
    ],
)
def test_an_action_returns_what_a_handler_does(result: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NodeLoanReducer, "note_exit", _annotated(_wrong(result), NodeLoanReducer.note_exit))
    mesh = MeshDriver([LOAN])
    mesh.send(BookLent(book="b", days=7))
    mesh.send(BookReturned(book="b", damage=0.1))
    (record,) = mesh.dead_letters()
    assert words.encode() in dict(record.headers() or [])["onex-dlq-message"]
    mesh.close()


def _annotated(function: object, like: object) -> object:
    function.__annotations__ = like.__annotations__
    return function


def test_one_transition_completes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_timer(
        self: NodeLeaseOrchestrator, state: Message, event: Message, context: Context
    ) -> Decision[Message]:
        return Decision(state, completion=LeaseEnded(lease="l", how="twice"))

    monkeypatch.setattr(NodeLeaseOrchestrator, "stop_timer", stop_timer)
    mesh = MeshDriver([LEASE])
    mesh.send(TakeLease(lease="l"))
    mesh.send(EndLease(lease="l"))
    (record,) = mesh.dead_letters()
    assert b"more than one completion" in dict(record.headers() or [])["onex-dlq-message"]
    mesh.close()


def refused(folder: Path, old: str, new: str) -> str:
    """Return the problems of a node with a changed contract."""
    text = (folder / "contract.yaml").read_text()
    assert old in text
    with contract_file(folder, text.replace(old, new)) as file, pytest.raises(ContractError) as found:
        resolve_node(file)
    return "\n".join(str(problem) for problem in found.value.problems).replace(str(file), "contract.yaml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value: [7, 14]", "value: [7, soon]", 'guards[0].value: in does not fit BookLent.days: "soon" is no int'),
        ("field: days", "field: weeks", "guards[0].field: BookLent has no field 'weeks'"),
        ("field: state.loans", "field: state.days", "guards[0].field: Loan has no field 'days'"),
        ('field: state.loans, operator: "<", value: 3', 'field: state.place, operator: "<", value: lent', "no order"),
        ('"2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00"', "has no time zone; write 2026-01-31T12:00:00Z"),
        ("field: damage, value: 0", "field: damage, value: true", "true is no float"),
        ("field: damage, value: 0", "field: damage, value: null", "float has no null"),
        ("[count, note_entry]", "[tally, note_entry]", "NodeLoanReducer.tally does not exist; write it as a handler"),
        ("[count, note_entry]", "[lend]", "action 'lend' is the handler of a message"),
        ("[count, note_entry]", "[config]", "action 'config' belongs to the node itself"),
        ("[count, note_entry]", "['__init__']", "begins with an underscore"),
        ("[count, note_entry]", "[kind]", "belongs to the node itself"),
        ("exit_actions: [leave_shelf]", "exit_actions: [note_exit]", "does not accept None"),
        ("name: repair, entry_actions: [note_entry]", "name: repair, entry_actions: [count]", "accept BookReturned"),
        ("{name: lost, terminal: true}", "{name: lost, terminal: true, exit_actions: [note_exit]}", "never run"),
    ],
)
def test_what_does_not_fit_the_node_is_refused(old: str, new: str, words: str) -> None:
    found = refused(LOAN, old, new)
    assert words in found
    line = next(i for i, text in enumerate((LOAN / "contract.yaml").read_text().splitlines(), 1) if old in text)
    assert f"contract.yaml:{line}: subcontracts.state_transition" in found or "contract.yaml:1: contract" in found


ANY = """\
      - {name: any, from_state: "*", to_state: shelf, trigger: BookReturned, priority: 30}
      - {name: repaired,"""
REPAIRS = """\
      - {name: r, from_state: repair, to_state: shelf, trigger: BookLost, priority: 1}
      - {name: s, from_state: shelf, to_state: shelf, trigger: BookLost}
      - {name: t, from_state: lent, to_state: shelf, trigger: BookLost, priority: 1}
      - {name: repaired,"""


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (ANY, "transitions[2]: 'take_back' never runs: on BookReturned, 'any' comes first and asks for no more"),
        (ANY, "transitions[4]: 'mouldy' never runs"),
        (REPAIRS, "'lose' never runs: on BookLost, 's', 't', 'r' come first and ask for no more"),
        (ANY.replace("priority: 30", "priority: -30"), ""),
        (
            REPAIRS.replace("priority: 1}\n      - {name: s", "guards: [{field: book, value: x}]}\n      - {name: s"),
            "",
        ),
    ],
)
def test_a_transition_that_never_runs_is_refused(new: str, words: str) -> None:
    old = "      - {name: repaired,"
    if words:
        found = refused(LOAN, old, new)
        assert words in found
        assert "give it a higher priority" in found
    else:
        with contract_file(LOAN, (LOAN / "contract.yaml").read_text().replace(old, new)) as file:
            assert resolve_node(file).contract.state_machine


def test_the_name_and_the_key_are_one_machine() -> None:
    text = (LOAN / "contract.yaml").read_text()
    with contract_file(LOAN, text) as file:
        named = resolve_node(file).contract
    key = text.replace("subcontracts:\n" + NAMED, "mixins: [{name: MixinStateTransition}]\nstate_machine:\n")
    with contract_file(LOAN, key) as file:
        own = resolve_node(file).contract
    assert named.state_machine == own.state_machine is not None
    listed = text.replace("subcontracts:\n" + NAMED, "mixins:\n- name: MixinStateTransition\n  config:\n")
    with contract_file(LOAN, listed) as file:
        resolved = resolve_node(file)
    assert resolved.contract.state_machine == own.state_machine
    assert resolved.features.names == {"MixinStateTransition"}


@pytest.mark.parametrize(
    ("folder", "added", "words"),
    [
        (LOAN, "state_machine: {initial_state: a, states: [{name: a}], transitions: []}\n", "at least 1 item"),
        (
            LOAN,
            "state_machine: {initial_state: a, states: [{name: a}], transitions: [{name: t, from_state: a, "
            "to_state: a, trigger: BookLent}]}\n",
            "subcontracts.state_transition and state_machine both declare a state machine; keep one of the two",
        ),
        (LOAN, "mixins: [{name: MixinStateTransition, enabled: false}]\n", "cannot be switched off"),
        (
            NODES / "node_tally_reducer" / "v1_0_0",
            "subcontracts: {state_transition: {initial_state: a}}\n",
            "subcontracts.state_transition.states: is missing",
        ),
        (
            NODES / "node_tally_reducer" / "v1_0_0",
            "subcontracts: {state_transition: {initial_state: '${START:-a}', states: [{name: a}], transitions: "
            "[{name: t, from_state: a, to_state: a, trigger: Amount}]}}\n",
            "a state machine has no variables",
        ),
        (
            NODES / "node_tally_reducer" / "v1_0_0",
            "mixins: ['${FIRST}', {name: MixinStateTransition, config: {initial_state: a, states: [{name: a}], "
            "transitions: [{name: t, from_state: a, to_state: a, trigger: Amount}]}}]\n",
            "a state machine has no variables",
        ),
        (NODES / "node_tally_reducer" / "v1_0_0", "mixins: [{name: MixinStateTransition}]\n", "declares no states"),
        (
            NODES / "node_trip_orchestrator" / "v1_0_0",
            "state_machine: {initial_state: a, states: [{name: a}], transitions: [{name: t, from_state: a, "
            "to_state: a, trigger: TripBooked}]}\n",
            "state_machine and workflow_coordination both lead the node; remove one",
        ),
        (
            NODES / "node_unruly_compute" / "v1_0_0",
            "subcontracts: {state_transition: {initial_state: a, states: [{name: a}], transitions: [{name: t, "
            "from_state: a, to_state: a, trigger: A}]}}\n",
            "belongs to a REDUCER or an ORCHESTRATOR",
        ),
    ],
)
def test_two_machines_or_none_are_refused(folder: Path, added: str, words: str) -> None:
    text = (folder / "contract.yaml").read_text()
    with contract_file(folder, f"{text}\n{added}") as file, pytest.raises(ContractError) as found:
        resolve_node(file)
    assert words in str(found.value)
    assert f"{file.name}:" in str(found.value)


def test_the_command_explains_the_machine() -> None:
    shown = json.loads(CliRunner().invoke(app, ["explain", str(LOAN), "--json"]).output)
    assert shown["fsm"][:2] == [
        "* --BookReturned--> repair when smell == mould, priority 20",
        "lent --BookReturned--> repair when damage >= 0.5, priority 10",
    ]
    assert "entering lent: count, note_entry" in shown["fsm"]
    assert "leaving shelf: leave_shelf" in shown["fsm"]
    assert any(line.startswith("MixinStateTransition: ") for line in shown["agent"])


def test_timers_need_a_transition() -> None:
    lines = (LEASE / "contract.yaml").read_text().splitlines(keepends=True)
    (line,) = [line for line in lines if "TimerFired" in line]
    assert "transitions: NodeLeaseOrchestrator.decide takes TimerFired, and no transition does" in refused(
        LEASE, line, ""
    )
