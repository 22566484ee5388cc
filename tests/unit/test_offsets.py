"""Watermarks against a model, and the metadata with the offsets that are done beyond them."""

import random

from hypothesis import given
from hypothesis import strategies as st

from onex.agent.effect.offsets import MAX_SPAN, OffsetTracker
from onex.bus.protocols import Position

gaps = st.lists(st.integers(1, 3), min_size=1, max_size=80)


@given(gaps, st.randoms(use_true_random=False), st.integers(0, 80))
def test_watermark_and_metadata_together_name_exactly_the_done_offsets(
    steps: list[int], rng: random.Random, finish: int
) -> None:
    offsets = [sum(steps[: n + 1]) + 100 for n in range(len(steps))]
    tracker = OffsetTracker()
    assert all(tracker.take(offset) for offset in offsets)
    done = set(rng.sample(offsets, min(finish, len(offsets))))
    for offset in rng.sample(sorted(done), len(done)):
        tracker.finish(offset)
    position = tracker.position()
    assert all(offset in done for offset in offsets if offset < position.offset)
    successor = OffsetTracker(position)
    again = {offset for offset in offsets if offset >= position.offset and successor.take(offset)}
    assert again == set(offsets) - done
    assert len(position.metadata) < 4096


@given(gaps, st.randoms(use_true_random=False), st.integers(1, 9))
def test_done_offsets_stay_done_while_a_successor_reads_them_again_in_pieces(
    steps: list[int], rng: random.Random, piece: int
) -> None:
    offsets = [sum(steps[: n + 1]) for n in range(len(steps))]
    first = OffsetTracker()
    for offset in offsets:
        first.take(offset)
    done = set(rng.sample(offsets, rng.randint(0, len(offsets))))
    for offset in done:
        first.finish(offset)
    position = first.position()
    for _ in range(3):  # owners that read and finish a piece each, and crash
        owner = OffsetTracker(position)
        for offset in [o for o in offsets if o >= position.offset][:piece]:
            if owner.take(offset):
                assert offset not in done, "runs twice"
                if rng.random() < 0.7:
                    owner.finish(offset)
                    done.add(offset)
        position = owner.position()
    last = OffsetTracker(position)
    assert {o for o in offsets if o >= position.offset and last.take(o)} == set(offsets) - done


def test_the_watermark_is_the_first_unfinished_offset() -> None:
    tracker = OffsetTracker()
    for offset in (5, 6, 9):
        tracker.take(offset)
    tracker.finish(6)
    assert tracker.position().offset == 5
    tracker.finish(5)
    assert tracker.position().offset == 9
    tracker.finish(9)
    assert tracker.position() == Position(10, "")


def test_the_worst_case_fits_into_kafkas_metadata() -> None:
    rng = random.Random(7)
    tracker = OffsetTracker()
    for offset in range(MAX_SPAN):
        tracker.take(offset)
    for offset in rng.sample(range(1, MAX_SPAN), MAX_SPAN // 2):
        tracker.finish(offset)
    assert tracker.span == MAX_SPAN
    assert len(tracker.position().metadata) <= 4095


def test_metadata_of_another_writer_means_nothing_is_done() -> None:
    for text in ("", "hello", "z!!", "rnot base85 \x7f", "zabcde"):
        assert OffsetTracker(Position(3, text)).take(4)
