"""MixinSecurity."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from onex.errors import RejectedError
from onex.mixins.security import MixinSecurity, ModelSecuritySubcontract
from onex.mixins.security.engine import SecurityEngine
from onex.mixins.security.pattern_cost import too_slow
from onex.mixins.security.texts import (
    SCRIPT_IN_TEXT,
    SQL_IN_TEXT,
    find_suspicious,
    goes_on_in_sql,
    has_control,
    holds_script,
)
from onex.model.message import Message
from onex.node import NodeOrchestrator
from onex.testing.clock import ManualClock
from tests.mixins.helpers import Note, container
from tests.mixins.steps import Steps


class Order(Message):
    customer: Note
    tags: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    count: int = 1
    mixed: tuple[int | str, ...] = (1, "a")


def made(clock: ManualClock | None = None, **settings: object) -> SecurityEngine:
    return SecurityEngine(ModelSecuritySubcontract.model_validate(settings), clock or ManualClock())


def refused(engine: SecurityEngine, message: Message) -> str:
    try:
        engine.check(message)
    except RejectedError as error:
        return str(error)
    return ""


FINE = ["O'Brien & sons", "select a seat; then pay", "a union of states", "tab\tand\nline", "1 < 2", "drop; it"]
SQL = ["x' OR '1'='1", 'x" or 1=1', "1; DROP TABLE users", "x' UNION SELECT password FROM users", "admin'--"]
SQL += [f"x'\t\n{' ' * 100}OR    'abc' \r\n =", f"1 ;{' ' * 100}DROP\nTABLE users", f"' or {'a' * 500} like 1"]
SCRIPTS = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "JavaScript: alert(1)", "<iframe src=x>"]
SCRIPTS += [f"<img alt='<' {'x' * 500}\nonerror\n=alert(1)>", f"<{' ' * 100}script>"]


@pytest.mark.parametrize("text", FINE)
def test_ordinary_text_is_accepted(text: str) -> None:
    assert refused(made(), Note(text=text)) == ""


@pytest.mark.enforces("security.enable_sql_injection_protection")
@pytest.mark.parametrize("text", SQL)
def test_sql_behind_a_quote_is_refused(text: str) -> None:
    assert refused(made(), Note(text=text)) == "Note.text: SQL behind a quote"
    assert refused(made(enable_sql_injection_protection=False), Note(text=text)) == ""


@pytest.mark.enforces("security.enable_xss_protection")
@pytest.mark.parametrize("text", SCRIPTS)
def test_scripts_are_refused(text: str) -> None:
    assert refused(made(), Note(text=text)) == "Note.text: a script"
    assert refused(made(enable_xss_protection=False), Note(text=text)) == ""
    assert "<" not in made().clean_output(text)
    assert made(enable_xss_protection=False).clean_output(text) == text


@pytest.mark.enforces("security.enable_input_sanitization")
@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\u202eb", "a\x7fb"])
def test_control_characters_are_refused_and_taken_out(text: str) -> None:
    assert refused(made(), Note(text=text)) == "Note.text: control characters"
    assert made().clean_input(text) == "ab"
    careless = made(enable_input_sanitization=False)
    assert refused(careless, Note(text=text)) == ""
    assert careless.clean_input(text) == text


_PIECES = [*SQL, *SCRIPTS, "\x00", "union", "select", " ", "'", ";", "drop", "on", "=", "<", ">", ":", "a"]


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join) | st.text(max_size=20))
def test_the_first_look_misses_nothing_that_the_second_one_finds(text: str) -> None:
    dangerous = has_control(text) or goes_on_in_sql(text) or holds_script(text)
    assert not dangerous or find_suspicious(text)


ATTACKS = [
    *("<", "< ", "<a ", "'", "' ", "'or", "'or ", "' or '", "' or a", " on", " on=", "< on", "; ", ";", "union "),
    *(
        "union all ",
        "javascript ",
        " ",
        "' or 'a' ",
        "on ona ",
        "a",
        "a ",
        "</",
        "< / ",
        "'-",
        "ona",
        '"and"',
        "<ona",
    ),
]


@pytest.mark.parametrize("first", ["", "<", "'", "' or ", "< on"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_twice_the_text_is_twice_the_work(attack: str, first: str) -> None:
    for pattern in (SQL_IN_TEXT, SCRIPT_IN_TEXT):
        short, long = (Steps(pattern, first + attack * times) for times in (20, 40))
        assert short.found == long.found == bool(pattern.search(first + attack * 40))
        assert long.count <= 2 * short.count + 100, (pattern.pattern, short.count, long.count)


@settings(max_examples=100)
@given(st.lists(st.sampled_from([*_PIECES, *ATTACKS]), max_size=8).map("".join))
def test_steps_are_counted_as_python_takes_them(text: str) -> None:
    for pattern in (SQL_IN_TEXT, SCRIPT_IN_TEXT):
        assert Steps(pattern, text).found == bool(pattern.search(text))


SLOW = ["(a+)+", "(a|aa)+b", "(?:ab?)*", "(?i:a+)*", "(?>a+)+", "a.*b.*c", "(?=a+)b+", r"(\w+)\1", "x{8000}.*"]
SLOW += [".*" * 200, "a?" * 30 + "a" * 30, "(ab|a|b)" * 40]
QUICK = ["(a|b)+", "a.{0,64}b.{0,64}c", r"^\d{16}$", "(foo|bar)baz", r"(\d{3}-)+", "(?<!a|b)c", r"(?P<n>a|b)c*"]
QUICK += ["(x)?(?(1)y|z+)", "(ab?|c)d", r"(DROP|DELETE|TRUNCATE|UPDATE|INSERT)\s+INTO"]


@pytest.mark.enforces("security.forbidden_patterns")
@pytest.mark.parametrize("pattern", SLOW)
def test_patterns_that_may_take_too_long_are_refused_when_the_contract_is_read(pattern: str) -> None:
    with pytest.raises(ValidationError, match="forbidden_patterns: .*(repeats a repetition|may take too long)"):
        made(forbidden_patterns=[pattern])


@pytest.mark.parametrize("pattern", QUICK)
def test_other_patterns_are_taken(pattern: str) -> None:
    assert made(forbidden_patterns=[pattern])
    assert too_slow(pattern, 10_000) == ""


def test_a_longer_text_needs_quicker_patterns() -> None:
    with pytest.raises(ValidationError, match=r"for a text of 100000 characters; write \{0,64\} for"):
        made(forbidden_patterns=["a.*b"], max_input_length=100_000)
    made(forbidden_patterns=["a.{0,64}b"], max_input_length=100_000)


def test_equal_looking_texts_become_equal() -> None:
    assert made().clean_input("e\u0301") == "\u00e9"


@pytest.mark.enforces("security.enable_output_sanitization")
def test_output_is_clean() -> None:
    assert made().clean_output("a\x00<b>") == "a&lt;b&gt;"
    assert made(enable_output_sanitization=False).clean_output("a\x00<b>") == "a\x00&lt;b&gt;"


@pytest.mark.enforces("security.max_input_length")
def test_texts_have_an_end() -> None:
    assert refused(made(), Note(text="x" * 10_001)) == "Note.text: 10001 characters, 10000 are allowed"
    engine = made(max_input_length=1024)
    assert refused(engine, Note(text="x" * 1024)) == ""
    assert refused(engine, Note(text="x" * 1025)) == "Note.text: 1025 characters, 1024 are allowed"


@pytest.mark.enforces("security.forbidden_patterns")
def test_patterns_of_the_contract() -> None:
    engine = made(forbidden_patterns=["(?i)exec(ute)?\\s+", "zzz"])
    assert refused(engine, Note(text="please EXECUTE this")) == "Note.text: a forbidden pattern"
    assert refused(made(), Note(text="please EXECUTE this")) == ""
    with pytest.raises(ValidationError, match="'\\(' is not a valid regular expression"):
        made(forbidden_patterns=["("])


def test_texts_are_found_at_any_depth() -> None:
    note = Note(text="fine")
    assert refused(made(), Order(customer=Note(text="\x00"))) == "Order.customer.text: control characters"
    assert refused(made(), Order(customer=note, tags=("a", "\x00"))) == "Order.tags: control characters"
    assert refused(made(), Order(customer=note, facts={"a": "\x00"})) == "Order.facts.a: control characters"
    assert refused(made(), Order(customer=note, facts={"\x00": "a"})) == "Order.facts: control characters"
    assert refused(made(), Order(customer=note, mixed=(1, "\x00"))) == "Order.mixed: control characters"
    assert refused(made(), Order(customer=note, tags=("a",), facts={"a": "b"})) == ""


@pytest.mark.enforces("security.enable_redaction", "security.sensitive_field_patterns")
def test_secrets_are_hidden() -> None:
    assert made().redact({"apiKey": "1", "name": "ann"}) == {"apiKey": "[redacted]", "name": "ann"}
    assert made(sensitive_field_patterns=["text"]).redact(Note(text="a")) == {"text": "[redacted]"}
    secret = {"apiKey": "1"}
    assert made(enable_redaction=False).redact(secret) is secret


def test_names_of_tables() -> None:
    assert made().sql_identifier("orders_2") == '"orders_2"'
    for name in ('a"b', "1a", "", "a b", "a\n", "a" * 64):
        with pytest.raises(RejectedError, match="not a valid name of a table"):
            made().sql_identifier(name)


@pytest.mark.enforces("security.enable_csrf_protection", "security.csrf_secret", "security.csrf_ttl_seconds")
def test_tokens_of_forms() -> None:
    clock = ManualClock()
    engine = made(clock, csrf_secret="shared", csrf_ttl_seconds=60)
    token = engine.csrf_token("s-1")
    made(clock, csrf_secret="shared").verify_csrf("s-1", token)
    wrong_ones = [("s-2", token), *(("s-1", wrong) for wrong in (token + "x", "", "soon.abc", f"{'9' * 5000}.abc"))]
    for session, wrong in wrong_ones:
        with pytest.raises(RejectedError, match="does not belong to this session"):
            engine.verify_csrf(session, wrong)
    with pytest.raises(RejectedError, match="does not belong to this session"):
        made(clock).verify_csrf("s-1", token)
    own = made(clock)
    own.verify_csrf("s-1", own.csrf_token("s-1"))
    made(clock, enable_csrf_protection=False).verify_csrf("s-2", "anything")
    clock.move_to(clock.monotonic() + 62)
    with pytest.raises(RejectedError, match="too old"):
        engine.verify_csrf("s-1", token)


def test_a_node_of_any_kind_is_protected() -> None:
    class Node(MixinSecurity, NodeOrchestrator[Note, Note]):
        pass

    node = Node()
    node.container = container()
    assert isinstance(node.security, SecurityEngine)
    with pytest.raises(RejectedError):
        node.security.check(Note(text="\x00"))
