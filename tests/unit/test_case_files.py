"""``cases.yaml``: times as YAML writes them, wildcards, and the keys of records."""

from pathlib import Path

import pytest
from node_balance_reducer.v1_0_0.models import CustomerBalance

from onex.contract import resolve_node
from onex.testing import Case, load_cases, mismatch
from onex.testing.run_case import case_key
from tests.conftest import ORDERS

CASE = """\
- name: x
  given: [{Seen: {at: 2024-05-01T12:00:00Z, day: 2024-05-01}}]
  when: {Seen: {at: 2024-05-01 12:00:00}}
  then: {publishes: [%s]}
"""


def case(tmp_path: Path, wanted: str) -> Case:
    (tmp_path / "cases.yaml").write_text(CASE % wanted)
    (found,) = load_cases(tmp_path)
    return found


def test_times_without_quotes_are_text(tmp_path: Path) -> None:
    assert case(tmp_path, "").given == ({"Seen": {"at": "2024-05-01T12:00:00Z", "day": "2024-05-01"}},)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ("{Seen: {at: 2023-11-14T22:13:20Z}}", True),
        ("{Seen: {at: 2023-11-14 22:13:20}}", True),
        ("{Seen: {at: '2023-11-14T23:13:20+01:00'}}", True),
        ("{Seen: {at: 2023-11-14T22:13:21Z}}", False),
        ("{Seen: {at: '*'}}", True),
        ("{Seen: {none: '*', list: '*'}}", True),
        ("{Seen: {missing: '*'}}", False),
        ("{Seen: {at: '2023-*'}}", True),
        ("{Seen: {text: 'a*c'}}", True),
        ("{Seen: {text: 'b*'}}", False),
        ("{Seen: {star: 'a\\*'}}", True),
        ("{Seen: {text: 'a\\*'}}", False),
        ("{Seen: {text: 'a.c'}}", False),
        ("{Seen: {part: {one: 1}}}", True),
        ("{Seen: {part: {one: 2}}}", False),
        ("{Seen: {list: [{one: 1}, '*']}}", True),
        ("{Seen: {list: [{one: 1}]}}", False),
        ("{Other: {}}", False),
    ],
)
def test_what_is_expected_may_be_left_open(tmp_path: Path, wanted: str, holds: bool) -> None:
    published = {
        "at": "2023-11-14T22:13:20Z",
        "text": "abc",
        "star": "a*",
        "none": None,
        "part": {"one": 1, "two": 2},
        "list": [{"one": 1, "two": 2}, 3],
    }
    assert (mismatch(case(tmp_path, wanted), [{"Seen": published}], None) == "") is holds  # type: ignore[dict-item]


def test_reasons_of_dead_letters_may_be_left_open(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- {name: x, when: {A: {}}, then: {dead_letter: {message: '*passed*'}}}")
    (found,) = load_cases(tmp_path)
    assert mismatch(found, [], {"message": "A: its deadline passed 1 s ago"}) == ""
    assert "dead letter differs" in mismatch(found, [], {"message": "other"})
    assert "dead letter differs" in mismatch(found, [], {})


def test_a_record_has_the_key_of_its_message_or_of_the_case() -> None:
    node = resolve_node(ORDERS / "node_order_orchestrator" / "v1_0_0")
    cases = load_cases(node.folder)
    declined = next(c for c in cases if "declined" in c.name)
    assert {case_key(node, declined, named) for named in (*declined.given, declined.when)} == {"o-1"}
    reducer = resolve_node(ORDERS / "node_balance_reducer" / "v1_0_0")
    assert CustomerBalance.key_field
    assert (
        case_key(reducer, declined.model_copy(update={"given": (), "when": {"bytes": "00"}}), {"bytes": "00"}) == ""
    )
