"""What stays on a connection of PostgreSQL between two transactions, and who may leave it there.

Behind a pooler in transaction mode it would meet the connection of another client: see ``onex.postgres.pool``.
"""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

SESSION_STATE = re.compile(
    r"pg_(?:try_)?advisory_lock\b|pg_advisory_unlock|add_listener\(|(?-i:\bLISTEN\b)|\bSET\s+(?!LOCAL\b)[a-z_]+\s*(?:=|TO)\s*'"
    r"|\bSET\s+SESSION\b|CREATE\s+TEMP|\.prepare\(\s*[f\"']|(?-i:\bPREPARE\s|\bDECLARE\s)|WITH\s+HOLD|create_pool\(",
    re.IGNORECASE,
)
ALLOWED = {
    "shared/onex/postgres/outbox.py": {"pg_try_advisory_lock", "add_listener("},
    "shared/onex/postgres/session_features.py": {"LISTEN", "add_listener("},
}
"""The outbox only where it is connected directly, and the module that refuses them behind a pooler."""


def found() -> Iterator[tuple[str, str]]:
    for folder in ("shared", "services", "examples"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            text = file.read_text()
            if "asyncpg" in text:
                name = str(file.relative_to(ROOT))
                yield from ((name, match.group()) for match in SESSION_STATE.finditer(_code(text)))


def _code(text: str) -> str:
    """Without docstrings and comments."""
    return re.sub(r'"""(?:(?!SELECT|CREATE|INSERT)[\s\S])*?"""|#.*', "", text)


def test_only_the_outbox_and_the_pool_have_state_of_a_session() -> None:
    states: dict[str, set[str]] = {}
    for name, state in found():
        states.setdefault(name, set()).add(state)
    assert states == ALLOWED


@pytest.mark.parametrize(
    "statement",
    [
        '"SELECT pg_advisory_lock($1)"',
        '"SELECT pg_try_advisory_lock($1, 2)"',
        '"LISTEN onex_outbox"',
        "\"SET statement_timeout = '5s'\"",
        '"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"',
        '"CREATE TEMP TABLE t (n int)"',
        'await connection.prepare("SELECT 1")',
        '"DECLARE c CURSOR WITH HOLD FOR SELECT 1"',
        "await asyncpg.create_pool(url)",
    ],
)
def test_state_of_a_session_is_recognised(statement: str) -> None:
    assert SESSION_STATE.search(statement)


@pytest.mark.parametrize(
    "statement",
    [
        '"SELECT pg_advisory_xact_lock($1)"',
        '"SET LOCAL idle_in_transaction_session_timeout = 0"',
        '"NOTIFY onex_outbox"',
        '"UPDATE account SET balance = $1"',
        "await inbox.prepare()",
    ],
)
def test_state_of_a_transaction_is_none_of_a_session(statement: str) -> None:
    assert not SESSION_STATE.search(statement)
