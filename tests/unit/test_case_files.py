"""``cases.yaml``: times as YAML writes them, wildcards, and the keys of records."""

import inspect
from datetime import UTC, datetime
from pathlib import Path

import pytest
from node_balance_reducer.v1_0_0.models import CustomerBalance

from onex.contract import resolve_node
from onex.errors import ContractError
from onex.testing import Case, ManualClock, MeshDriver, cases, load_cases, mismatch, run_case
from onex.testing.cases import case_lines
from onex.testing.run_case import case_key, header_pairs
from tests.conftest import ORDERS, ROOT

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


def test_records_have_the_headers_of_their_case(tmp_path: Path) -> None:
    text = """\
- name: x
  given: [{Seen: {}}]
  given_headers: {authorization: Bearer a, onex-deadline: "1"}
  when: {Seen: {}}
  headers: %s
  then: {}
"""
    (tmp_path / "cases.yaml").write_text(text % "{x-one: eins}")
    (found,) = load_cases(tmp_path)
    assert header_pairs(found.given_headers) == [("authorization", b"Bearer a"), ("onex-deadline", b"1")]
    assert header_pairs(found.headers) == [("x-one", b"eins")]
    for wrong, words in {
        "{onex-hold: a}": "onex-hold is a header of the mesh; a case may have onex-deadline, onex-idempotency-key",
        "{ce_id: a}": "should match pattern",
        f"{{a: {'x' * 8193}}}": "at most 8192",
        f"{{{', '.join(f'a{n}: a' for n in range(33))}}}": "at most 32",
    }.items():
        (tmp_path / "cases.yaml").write_text(text % wrong)
        with pytest.raises(ContractError, match=words) as refused:
            load_cases(tmp_path)
        assert str(refused.value).startswith(f"{tmp_path / 'cases.yaml'}:5: cases[0].headers")


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


def test_the_page_about_tests_names_each_method_and_option_of_the_driver() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    methods = [name for name, each in vars(MeshDriver).items() if callable(each) and not name.startswith("_")]
    options = [*inspect.signature(MeshDriver).parameters][1:]
    assert len(methods) > 15
    assert [name for name in methods if f"`{name}(" not in page] == []
    assert [name for name in options if f"`{name}" not in page] == []
    clock = [name for name in vars(ManualClock) if not name.startswith("_") and name != "elapsed_ns"]
    assert [name for name in clock if f"`{name}(" not in page] == []
    began = datetime.fromtimestamp(ManualClock().now_ms() / 1000, UTC)
    assert f"begins at {began:%Y-%m-%dT%H:%M:%SZ}" in page


WRONG_FILES = {
    "two messages": ("- {name: x, when: {A: {}, B: {}}, then: {}}", 1, "cases[0].when", "here are 2"),
    "no message": ("- name: x\n  when: {}\n  then: {}", 2, "cases[0].when", "here are 0"),
    "no fields": ("- {name: x, when: {A: text}, then: {}}", 1, "cases[0].when", "a mapping"),
    "bytes that are none": ('- {name: x, when: {bytes: "0g"}, then: {}}', 1, "cases[0].when", "hexadecimal"),
    "an unknown key": ("- name: x\n  when: {A: {}}\n  them: {}\n  then: {}", 3, "cases[0].them", "Extra inputs"),
    "a second case": ("- {name: x, when: {A: {}}, then: {}}\n- {name: y}", 2, "cases[1].when", "required"),
    "a key twice": ("- {name: x, when: {A: {}}, then: {}}\n- {name: y,\n   name: z}", 3, "cases[1].name", "twice"),
    "no list": ("name: x", 1, "cases", "valid tuple"),
    "no YAML": ("- {name: x,\n  }}", 2, "yaml", ""),
    "an alias to itself": ("- &a [*a]", 1, "yaml", "recursion depth"),
    "a list that nests": ("[" * 50_000, 1, "yaml", "recursion depth"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_what_is_wrong_with_cases_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    text, line, field, words = WRONG_FILES[case]
    (tmp_path / "cases.yaml").write_text(text)
    with pytest.raises(ContractError) as raised:
        load_cases(tmp_path)
    problem = next(problem for problem in raised.value.problems if problem.field == field)
    assert (problem.file, problem.line) == (tmp_path / "cases.yaml", line)
    assert words in problem.message


def test_a_message_that_the_node_does_not_take_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- {name: x, when: {Gone: {}}, then: {}}")
    (found,) = load_cases(tmp_path)
    with pytest.raises(ContractError, match=r"takes no message Gone.*PlaceOrder"):
        run_case(ORDERS / "node_order_orchestrator" / "v1_0_0", found)


def test_cases_are_the_same_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [file.parent for file in ORDERS.rglob("cases.yaml")]
    with_libyaml = [(load_cases(folder), case_lines(folder)) for folder in folders]
    monkeypatch.setattr(cases, "_FASTER", cases._Loader)
    assert [(load_cases(folder), case_lines(folder)) for folder in folders] == with_libyaml
