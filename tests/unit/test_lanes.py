"""Lanes against a model: order per lane, bounded concurrency, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from onex.agent.effect.lanes import Lanes


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(1, 5),
    st.lists(st.integers(0, 1000), max_size=300),
)
def test_every_item_runs_once_in_the_order_of_its_lane(keys: list[int], concurrency: int, choices: list[int]) -> None:
    lanes: Lanes[tuple[int, int]] = Lanes(concurrency, lambda item: item[1] + 1)
    running: list[tuple[int, int]] = []
    parked: list[tuple[int, int]] = []
    done: list[tuple[int, int]] = []
    feed = list(enumerate(keys))
    choice = iter([*choices, *([0] * 1000)])
    while feed or running or parked:
        action = next(choice) % 4
        if action == 0 and feed:
            number, key = feed.pop(0)
            lanes.add(key, (key, number))
        elif action == 1 and running:
            item = running.pop(next(choice) % len(running))
            lanes.weigh(item[0], item)
            lanes.park(item[0])
            parked.append(item)
        elif action == 2 and parked:
            running.append(parked.pop())
            lanes.unpark(running[-1][0])
        elif running:
            item = running.pop(next(choice) % len(running))
            done.append(item)
            lanes.finish(item[0])
        elif parked:
            running.append(parked.pop())
            lanes.unpark(running[-1][0])
        elif feed:
            number, key = feed.pop(0)
            lanes.add(key, (key, number))
        started = [item for _, item in lanes.start()]
        running += started
        at_work = [key for key, _ in running + parked]
        assert len(at_work) == len(set(at_work)), "two items of one lane at once"
        assert not started or lanes.running <= concurrency
        held_up = {key for key, _ in parked}
        added = keys[: len(keys) - len(feed)]
        assert lanes.parked_items == sum(key in held_up for key in added) - sum(key in held_up for key, _ in done)
        bytes_of = [(key, number + 1) for number, key in enumerate(added)]
        done_bytes = sum(number + 1 for key, number in done if key in held_up)
        assert lanes.parked_bytes == sum(size for key, size in bytes_of if key in held_up) - done_bytes
    assert lanes.size == 0
    assert not lanes._queued_bytes
    assert not lanes._first_bytes
    assert sorted(number for _, number in done) == list(range(len(keys)))
    for key in set(keys):
        numbers = [number for lane, number in done if lane == key]
        assert numbers == sorted(numbers)


def test_a_parked_lane_frees_its_slot_for_another() -> None:
    lanes: Lanes[str] = Lanes(1)
    lanes.add("a", "a1")
    lanes.add("a", "a2")
    lanes.add("b", "b1")
    assert [item for _, item in lanes.start()] == ["a1"]
    lanes.park("a")
    assert lanes.parked_items == 2
    assert [item for _, item in lanes.start()] == ["b1"]
    lanes.finish("b")
    assert lanes.start() == []
    lanes.unpark("a")
    assert lanes.parked_items == 0
    lanes.finish("a")
    assert [item for _, item in lanes.start()] == ["a2"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 3))
def test_drop_removes_only_unwanted_items_that_do_not_run(items: list[tuple[int, bool]], concurrency: int) -> None:
    lanes: Lanes[tuple[int, bool, int]] = Lanes(concurrency)
    for number, (key, unwanted) in enumerate(items):
        lanes.add(key, (key, unwanted, number))
    running = [item for _, item in lanes.start()]
    lanes.drop(lambda item: item[1])
    finished: list[int] = []
    while running:
        item = running.pop(0)
        finished.append(item[2])
        lanes.finish(item[0])
        running += [started for _, started in lanes.start()]
    kept = {number for number, (_, unwanted) in enumerate(items) if not unwanted}
    assert kept <= set(finished)
    assert lanes.size == 0
