"""The hostile corpus is the same each time, holds every idea, and says what must come of each record."""

from tests.hostile_corpus import PLACE_ORDER, hostile_records


def test_the_corpus_is_the_same_for_the_same_seed_and_holds_good_orders_too() -> None:
    first, again, other = (list(hostile_records(seed, 64)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    carried = [record for record in first if not record.is_dead_letter]
    assert all(record.topic == PLACE_ORDER and record.order_id for record in carried)
    assert len({record.order_id for record in carried}) == len(carried) > 0


def test_every_body_and_every_header_is_there() -> None:
    records = list(hostile_records(1, 400))
    assert {record.name.partition(", ")[0] for record in records} >= {"random bytes", "no value", "deep JSON list"}
    assert any(not record.has_plain_names for record in records)
    assert max(len(record.value or b"") for record in records) > 800_000
