"""Contracts that were read before are remembered; what a caller gets is its own."""

from pathlib import Path

import pytest

from onex.contract.yaml_lines import parse_yaml
from onex.errors import ContractError

_TEXT = "name: a\nevent_bus: {topics: [one, two]}\n"


def test_what_one_caller_changes_another_does_not_see() -> None:
    first, lines = parse_yaml(_TEXT, Path("a.yaml"))
    match first["event_bus"]:
        case {"topics": list(topics)}:
            topics.append("three")
    first["name"] = "b"
    lines.clear()
    data, lines = parse_yaml(_TEXT, Path("b.yaml"))
    assert data == {"name": "a", "event_bus": {"topics": ["one", "two"]}}
    assert [*lines.values()] == [1, 2, 2, 2, 2]


@pytest.mark.parametrize("text", ["name: [", "name: a\nname: b\n", "- a\n", "name: &x a\nother: *x\n"])
def test_a_problem_names_the_file_of_its_caller(text: str) -> None:
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(ContractError, match=rf"^{name}:\d+: "):
            parse_yaml(text, Path(name))


def test_a_text_that_is_read_again_is_not_composed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{_TEXT}# {__name__}\n"
    parse_yaml(text, Path("a.yaml"))
    monkeypatch.setattr("onex.contract.yaml_lines.BoundedLoader", None)
    parse_yaml(text, Path("b.yaml"))
