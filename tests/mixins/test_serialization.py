"""MixinSerialization."""

import gzip
import hashlib
import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from onex.errors import RejectedError
from onex.mixins.serialization import EnumTextFormat, MixinSerialization, ModelSerializationSubcontract
from onex.mixins.serialization.engine import SerializationEngine
from onex.node import NodeCompute


class Inner(BaseModel):
    z: int = 1
    a: str = "ü"


class Outer(BaseModel):
    name: str
    tags: frozenset[str] = frozenset()
    inner: Inner = Inner()
    at: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    price: Decimal = Decimal("1.50")
    more: dict[str, list[int]] = {}


def engine(**settings: object) -> SerializationEngine:
    return SerializationEngine(ModelSerializationSubcontract.model_validate(settings))


def text(value: object, **settings: object) -> str:
    return engine(**settings).dump(value).decode()


JSON = {"serialization_format": "json"}


@pytest.mark.enforces("serialization.serialization_format")
@pytest.mark.parametrize("form", list(EnumTextFormat))
def test_written_secrets_are_read_again(form: EnumTextFormat) -> None:
    value = Outer(name="n", tags=frozenset("abc"), more={"x": [1, 2]})
    made = engine(serialization_format=form)
    assert made.load(made.dump(value), Outer) == value
    parse = yaml.safe_load if form is EnumTextFormat.YAML else json.loads
    assert parse(made.dump(value))["inner"] == {"a": "ü", "z": 1}
    assert made.dump(value).startswith(b"{") == (form is EnumTextFormat.JSON)


@pytest.mark.enforces("serialization.enable_canonical_mode")
def test_canonical_is_one_form_only() -> None:
    value = {"b": 1, "a": [{"d": 2, "c": 3}]}
    assert text(value, **JSON, indent_size=8, sort_keys=False) == '{"a":[{"c":3,"d":2}],"b":1}'
    assert text(value, indent_size=8, sort_keys=False) == "a:\n- c: 3\n  d: 2\nb: 1\n"
    assert text(value, **JSON, enable_canonical_mode=False, indent_size=1, sort_keys=False).startswith('{\n "b": 1')


@pytest.mark.enforces("serialization.sort_keys", "serialization.indent_size")
def test_otherwise_keys_and_indent_are_as_configured() -> None:
    loose = {"enable_canonical_mode": False}
    assert text({"b": 1, "a": 2}, **JSON, **loose, indent_size=4) == '{\n    "a": 2,\n    "b": 1\n}'
    assert text({"b": 1, "a": 2}, **JSON, **loose, sort_keys=False) == '{\n  "b": 1,\n  "a": 2\n}'
    assert text({"b": {"c": 1}, "a": 2}, **loose, sort_keys=False, indent_size=4) == "b:\n    c: 1\na: 2\n"


@pytest.mark.enforces("serialization.enable_deterministic_output")
def test_sets_come_in_one_order() -> None:
    class Shuffled(frozenset[int]):
        def __iter__(self):  # type: ignore[no-untyped-def]  # its order is the point
            return iter([3, 1, 2])

    assert text(Shuffled([1, 2, 3]), **JSON) == "[1,2,3]"
    assert text(Shuffled([1, 2, 3]), **JSON, enable_deterministic_output=False) == "[3,1,2]"


@pytest.mark.enforces("serialization.line_width")
@pytest.mark.parametrize("width", [80, 160])
def test_long_texts_are_wrapped(width: int) -> None:
    lines = text({"words": "word " * 100}, line_width=width).splitlines()
    assert width - 10 < max(map(len, lines)) <= width + 5


@pytest.mark.enforces("serialization.enable_unicode")
@pytest.mark.parametrize("form", list(EnumTextFormat))
def test_other_characters_than_ascii_can_be_escaped(form: EnumTextFormat) -> None:
    assert "ü" in text({"a": "ü"}, serialization_format=form)
    escaped = engine(serialization_format=form, enable_unicode=False)
    assert escaped.dump({"a": "ü"}).isascii()
    assert escaped.load(escaped.dump(Inner()), Inner) == Inner()


@pytest.mark.enforces("serialization.enable_compression")
def test_compression_has_no_time_in_it_and_is_recognised() -> None:
    packed = engine(enable_compression=True)
    assert gzip.decompress(packed.dump(Inner())) == engine().dump(Inner())
    assert packed.dump(Inner()) == packed.dump(Inner())
    assert engine().load(packed.dump(Inner()), Inner) == Inner()
    assert len(packed.dump({"a": "x" * 1000})) < 100


@pytest.mark.enforces("serialization.max_text_bytes")
@pytest.mark.parametrize("form", list(EnumTextFormat))
def test_text_has_a_longest_length(form: EnumTextFormat) -> None:
    fits, refuses = (engine(serialization_format=form, max_text_bytes=most) for most in (120, 119))
    data = b'{"a": "%s"}' % (b"x" * 111)
    for sent in (data, gzip.compress(data), gzip.compress(data[:50]) + gzip.compress(data[50:])):
        assert fits.load(sent, Inner).a == "x" * 111
        with pytest.raises(RejectedError, match="more than 119 bytes of text; serialization.max_text_bytes"):
            refuses.load(sent, Inner)


@pytest.mark.parametrize("parts", [1, 40])
def test_a_gzip_bomb_is_refused_before_it_is_unpacked(parts: int) -> None:
    bomb = gzip.compress(b" " * (100_000_000 // parts)) * parts
    assert len(bomb) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(RejectedError, match="more than 4194304 bytes"):
            engine().load(bomb, Inner)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]"),
        ("yaml", "a: &a [*a]"),
        ("yaml", "[" * 20_000),
        ("json", "[" * 200_000),
        ("json", '{"z": ' + "9" * 10_000 + "}"),
    ],
)
def test_text_that_grows_when_it_is_read_is_refused(form: str, text: str) -> None:
    with pytest.raises(RejectedError, match=f"cannot be read as {form}"):
        engine(serialization_format=form).load(text.encode(), Inner)


def test_values_without_a_json_form_are_refused() -> None:
    with pytest.raises(TypeError, match="JSON and YAML have no bytes"):
        engine().dump({"a": b"x"})
    with pytest.raises(TypeError, match="object"):
        engine().dump(object())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: [", "cannot be read as yaml"),
        (b"\xff\xfe\x00", "cannot be read as yaml"),
        (b"\x1f\x8bnot gzip", "cannot be read as yaml"),
        (b"z: many", "not a valid Inner"),
    ],
)
def test_unreadable_text_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(RejectedError, match=words):
        engine().load(data, Inner)


@pytest.mark.enforces("serialization.digest_algorithm")
def test_the_algorithm_of_digests_is_configured() -> None:
    digests = [engine(digest_algorithm=name).digest("a") for name in ("sha256", "sha512")]
    assert digests == [hashlib.new(name, b'"a"').hexdigest() for name in ("sha256", "sha512")]


def test_equal_values_have_equal_digests_whatever_the_format() -> None:
    one, two = engine(), engine(**JSON, enable_canonical_mode=False, sort_keys=False)
    assert one.digest({"a": 1, "b": {2, 3}}) == two.digest({"b": {3, 2}, "a": 1})
    assert one.digest(Inner()) == one.digest({"a": "ü", "z": 1})
    assert one.digest(Inner()) != one.digest(Inner(z=2))


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@example(value={"\x85": "\u2028a\u2029"}, form=EnumTextFormat.YAML, canonical=False, unicode=True)
@given(_PLAIN, st.sampled_from(EnumTextFormat), st.booleans(), st.booleans())
def test_any_plain_value_comes_back(value: object, form: EnumTextFormat, canonical: bool, unicode: bool) -> None:
    class Holder(BaseModel):
        value: object

    made = engine(serialization_format=form, enable_canonical_mode=canonical, enable_unicode=unicode)
    assert made.load(made.dump({"value": value}), Holder).value == value


def test_a_node_serializes() -> None:
    class Node(MixinSerialization, NodeCompute[object, object]):  # type: ignore[type-var]  # it takes nothing here
        pass

    assert Node().serializer.dump({"a": 1}) == b"a: 1\n"
