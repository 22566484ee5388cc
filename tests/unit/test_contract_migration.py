"""``onex contract migrate``: older spellings become current ones, and nothing else of the file changes."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from onex.cli.main import app
from onex.cli.output import Exit
from onex.codegen.migrate import VERSIONS, migrated
from onex.contract import find_contracts, parse_contract
from onex.errors import ContractError
from onex.model.contract.contract import SCHEMA_VERSION

ROOT = Path(__file__).parents[2]
FILE = Path("contract.yaml")
OLD = """\
# The desk. This comment stays.
---
name: node_desk_effect   # its name
kind: EFFECT_GENERIC     # its kind
version: "1.2.0"

description: >
  Asks,
  and gives.
event_bus:
  # read
  subscribe_topics: [onex.cmd.desk.ask.v1]
input_model: Ask
error_handling:
  # how often
  retry_policy:
    max_retries: 3          # and once more
    initial_delay_ms: 250
    exponential_base: 2
  # a circuit
  circuit_breaker:
    enabled: true
    # seconds were meant
    reset_timeout_ms: 30000   # 30 s
    services:
      - name: db
        failure_threshold: 3
mixins:
  - name: MixinLogData  # logs
    config: {log_level: INFO}
  - {name: MixinMetrics}
# The end.
"""
NEW = """\
# The desk. This comment stays.
---
schema_version: 1
name: node_desk_effect   # its name
node_type: EFFECT     # its kind
contract_version: {major: 1, minor: 2, patch: 0}

description: >
  Asks,
  and gives.
event_bus:
  # read
  subscribe_topics: [onex.cmd.desk.ask.v1]
input_model: Ask
error_handling:
  # how often
  retry_policy:
    max_attempts: 4          # and once more
    base_delay: 250ms
    multiplier: 2
advanced_features:
  circuit_breaker:
    enabled: true
    # seconds were meant
    recovery_timeout_ms: 30000   # 30 s
    services:
      - name: db
        failure_threshold: 3
  # a circuit
mixins:
  - name: MixinLogging  # logs
    config: {log_level: INFO}
  - {name: MixinMetrics}
# The end.
"""
HEAD = """\
name: node_desk_effect
node_type: EFFECT
contract_version: {major: 1}
event_bus: {subscribe_topics: [onex.cmd.desk.ask.v1]}
input_model: Ask
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["contract", "migrate", *map(str, arguments)])


def test_spellings_change_and_comments_and_order_stay() -> None:
    migration = migrated(OLD, FILE)
    assert migration.text == NEW
    assert [field for field, _ in migration.changes] == [
        "version",
        "kind",
        "node_type",
        "contract_version",
        "error_handling.circuit_breaker",
        "advanced_features.circuit_breaker.reset_timeout_ms",
        "error_handling.retry_policy.max_retries",
        "error_handling.retry_policy.initial_delay_ms",
        "error_handling.retry_policy.exponential_base",
        "mixins[0].name",
    ]
    contract = parse_contract(migration.text)
    assert contract.retry_policy.max_attempts == 4
    assert contract.advanced_features is not None
    assert contract.advanced_features.circuit_breaker is not None
    assert contract.advanced_features.circuit_breaker.recovery_timeout_ms == 30_000


def test_a_migrated_contract_does_not_change_again() -> None:
    assert migrated(NEW, FILE).changes == ()
    assert migrated(NEW, FILE).text == NEW


@pytest.mark.parametrize(
    "file", find_contracts([ROOT / "services", ROOT / "examples"]), ids=lambda file: file.parts[-3]
)
def test_contracts_of_the_repository_are_current(file: Path) -> None:
    assert migrated(file.read_text(), file).changes == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "error_handling: {circuit_breaker: {enabled: true}, retry_policy: {max_attempts: 2}}  # kept\n",
            "error_handling: {retry_policy: {max_attempts: 2}}  # kept\nadvanced_features:\n"
            "  circuit_breaker: {enabled: true}\n",
        ),
        (
            "error_handling: {circuit_breaker: {enabled: true}}\n",
            "advanced_features:\n  circuit_breaker: {enabled: true}\n",
        ),
        (
            "error_handling:\n  circuit_breaker: {enabled: true}\nadvanced_features: {security_validation: {}}\n",
            "advanced_features: {circuit_breaker: {enabled: true}, security_validation: {}}\n",
        ),
        (
            "advanced_features:\n    # first\n    security_validation: {}\nerror_handling:\n  circuit_breaker:\n"
            "    enabled: true\n",
            "advanced_features:\n    circuit_breaker: {enabled: true}\n    security_validation: {}\n",
        ),
        (
            "retry: {max_attempts: 2}\n",
            "error_handling:\n  retry_policy: {max_attempts: 2}\n",
        ),
        (
            "error_handling:\n  circuit_breaker: {enabled: true}",
            "advanced_features:\n  circuit_breaker: {enabled: true}\n",
        ),
    ],
)
def test_a_circuit_moves_between_blocks_and_braces(old: str, new: str) -> None:
    migration = migrated(HEAD + old, FILE)
    assert yaml.safe_load(migration.text) == yaml.safe_load(f"schema_version: 1\n{HEAD}{new}")
    assert "# kept" not in old or "# kept" in migration.text
    assert "# first" not in old or "# first" in migration.text
    assert migrated(migration.text, FILE).changes == ()


@pytest.mark.parametrize("circuit", ["\n    enabled: true", " {enabled: true}  # a comment"])
def test_what_cannot_move_without_losing_its_form_is_refused(circuit: str) -> None:
    text = f"{HEAD}advanced_features: {{security_validation: {{}}}}\nerror_handling:\n  circuit_breaker:{circuit}\n"
    with pytest.raises(ContractError, match="by hand") as error:
        migrated(text, FILE)
    assert error.value.problems[0].file == FILE


def test_a_key_that_is_there_in_both_spellings_is_left_to_the_reader() -> None:
    assert migrated(HEAD + "version: '2.0.0'\n", FILE).changes == ()


def test_a_contract_that_would_not_load_afterwards_is_refused() -> None:
    with pytest.raises(ContractError, match="input_model"):
        migrated(OLD.replace("input_model: Ask\n", ""), FILE)


def test_a_newer_schema_is_refused_and_a_current_one_is_not_touched() -> None:
    with pytest.raises(ContractError, match="newer"):
        migrated(f"schema_version: {SCHEMA_VERSION + 1}\n{HEAD}", FILE)
    current = f"schema_version: {SCHEMA_VERSION}\n{HEAD.replace('EFFECT', 'effect')}"
    assert migrated(current, FILE).changes == ()


def test_the_list_of_versions_ends_with_the_current_one() -> None:
    numbers = [version.number for version in VERSIONS]
    assert numbers == list(range(1, SCHEMA_VERSION + 1))
    assert all(version.summary for version in VERSIONS)


def test_check_writes_nothing_and_write_changes_the_file_once(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(OLD)
    file.chmod(0o640)
    checked = run("--check", tmp_path)
    assert checked.exit_code == Exit.FAILED
    assert "1 of 1 contract to change" in checked.output
    assert file.read_text() == OLD
    written = run("--write", tmp_path)
    assert written.exit_code == Exit.OK, written.output
    assert file.read_text() == NEW
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["contract.yaml"]
    assert run("--check", tmp_path).exit_code == Exit.OK
    assert "0 of 1 contract changed" in run("--write", tmp_path).output


def test_a_broken_contract_is_reported_and_the_others_are_changed(tmp_path: Path) -> None:
    for name, text in (("a", "name: [\n"), ("b", OLD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "contract.yaml").write_text(text)
    result = run("--write", "--json", tmp_path)
    assert result.exit_code == Exit.CONTRACT
    data = json.loads(result.stdout)
    assert data["checked"] == 2
    assert len(data["changed"][str(tmp_path / "b" / "contract.yaml")]) == 10
    assert str(tmp_path / "a") in data["problems"][0]
    assert (tmp_path / "b" / "contract.yaml").read_text() == NEW


@pytest.mark.parametrize("options", [(), ("--check", "--write")])
def test_one_of_check_and_write_is_needed(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "contract.yaml").write_text(OLD)
    result = run(*options, tmp_path)
    assert result.exit_code != Exit.OK
    assert (tmp_path / "contract.yaml").read_text() == OLD
