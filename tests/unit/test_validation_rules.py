"""Every rule has a test that triggers it, and a line on the page of rules."""

from pathlib import Path

from onex.codegen.validate.rules import all_rules, rule_files
from tests.conftest import ROOT

TESTS = "\n".join(file.read_text() for file in sorted(Path(__file__).parent.glob("test_validate_*.py")))


def test_every_rule_is_triggered_by_a_test() -> None:
    names = [rule.name for rule in all_rules()]
    assert len(names) > 50
    assert [name for name in names if f'"{name}"' not in TESTS] == []


def test_the_page_has_every_rule_once_with_a_remedy(tmp_path: Path) -> None:
    (page,) = rule_files(ROOT).values()
    assert [rule.name for rule in all_rules() if page.count(f"| `{rule.name}` |") != 1] == []
    assert [rule.name for rule in all_rules() if not rule.remedy] == []
    assert all(line.count("|") == 4 for line in page.splitlines() if line.startswith("|"))
    assert rule_files(tmp_path) == {}
