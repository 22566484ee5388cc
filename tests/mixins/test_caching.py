"""MixinCaching."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from pydantic import ValidationError

from onex.mixins.caching import CacheFacts, MixinCaching, ModelCachingSubcontract
from onex.mixins.caching.engine import CachingEngine
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import refused_card
from tests.mixins.virtual import play


class Cache:
    """An engine in virtual time over a dependency that counts."""

    def __init__(self, *, chance: float = 0.0, **settings: object) -> None:
        self.clock = ManualClock()
        model = ModelCachingSubcontract.model_validate(settings)
        self.engine = CachingEngine(model, self.clock, lambda low, high: low + chance * (high - low))
        self.asked = 0
        self.down: Exception | None = None

    def loader(self, took: float = 0.0) -> Callable[[], Awaitable[int]]:
        async def load() -> int:
            self.asked += 1
            await asyncio.sleep(took)
            if self.down:
                raise self.down
            return self.asked

        return load

    def load(self, key: str = "k", ttl: float | None = None) -> int:
        return play(self.engine.load(key, int, self.loader(), ttl=ttl), self.clock)

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.monotonic() + seconds)


@pytest.mark.enforces("caching.ttl_seconds")
def test_a_value_is_asked_for_once_while_it_lasts() -> None:
    it = Cache(ttl_seconds=10)
    assert [it.load(), it.load()] == [1, 1]
    it.later(9.9)
    assert it.load() == 1
    it.later(0.1)
    assert it.load() == 2
    assert it.load("other", ttl=1) == 3
    it.later(1)
    assert it.load("other") == 4


@pytest.mark.enforces("caching.ttl_jitter")
def test_entries_of_the_same_time_do_not_expire_together() -> None:
    it = Cache(chance=0.5, ttl_seconds=10, ttl_jitter=0.4)
    it.load()
    it.later(7.9)
    assert it.load() == 1
    it.later(0.1)
    assert it.load() == 2, "a fifth of its time was taken off"


@pytest.mark.enforces("caching.enabled")
def test_a_disabled_cache_stores_nothing() -> None:
    it = Cache(enabled=False)
    assert [it.load(), it.load()] == [1, 2]
    it.engine.put("k", 7)
    assert it.engine.get("k", int) is None


@pytest.mark.enforces("caching.max_entries", "caching.eviction")
@pytest.mark.parametrize(("eviction", "gone"), [("lru", "b"), ("lfu", "c"), ("fifo", "a")])
def test_a_full_cache_lets_something_go(eviction: str, gone: str) -> None:
    it = Cache(max_entries=3, eviction=eviction)
    for key in ("a", "b", "c"):
        it.engine.put(key, key)
    for key in ("b", "b", "b", "a", "a", "c"):
        it.engine.get(key, str)
    if eviction == "lru":
        it.engine.get("a", str)
    it.engine.put("d", "d")
    assert {key for key in "abc" if it.engine.get(key, str) is None} == {gone}
    assert it.engine.facts().entries == 3


def test_concurrent_callers_share_one_call() -> None:
    it = Cache()

    async def many() -> list[int]:
        return await asyncio.gather(*(it.engine.load("k", int, it.loader(1.0)) for _ in range(50)))

    assert play(many(), it.clock) == [1] * 50
    assert it.engine.facts() == CacheFacts(hits=0, misses=1, stale=0, shared=49, entries=1)


def test_a_cancelled_caller_does_not_end_the_call_of_the_others() -> None:
    it = Cache()

    async def live() -> int:
        first = asyncio.create_task(it.engine.load("k", int, it.loader(5.0)))
        await asyncio.sleep(1)
        second = asyncio.create_task(it.engine.load("k", int, it.loader(5.0)))
        await asyncio.sleep(1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert play(live(), it.clock) == 1
    assert it.asked == 1


def test_a_failure_is_raised_for_all_callers_and_not_cached() -> None:
    it = Cache()
    it.down = ConnectionError("down")

    async def many() -> list[object]:
        return list(
            await asyncio.gather(
                *(it.engine.load("k", int, it.loader(1.0)) for _ in range(3)), return_exceptions=True
            )
        )

    assert [type(found) for found in play(many(), it.clock)] == [ConnectionError] * 3
    it.down = None
    assert it.load() == 2


@pytest.mark.enforces("caching.stale_if_error_seconds")
def test_expired_entries_are_returned_for_a_while_when_the_loader_fails() -> None:
    it = Cache(ttl_seconds=10, stale_if_error_seconds=5)
    it.load()
    it.down = refused_card("4111 1111")
    it.later(14)
    with structlog.testing.capture_logs() as logs:
        assert it.load() == 1
    assert "4111" not in str(logs)
    assert it.engine.facts().stale == 1
    it.later(1)
    with pytest.raises(ValidationError):
        it.load()
    strict = Cache(ttl_seconds=10)
    strict.load()
    strict.down = ConnectionError("down")
    strict.later(10)
    with pytest.raises(ConnectionError):
        strict.load()


def test_a_loop_that_ends_ends_its_questions() -> None:
    it = Cache()

    async def live() -> None:
        asking = asyncio.create_task(it.engine.load("k", int, it.loader(100.0)))
        await asyncio.sleep(1)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(0)

    play(live(), it.clock)
    assert it.load() == 2


def test_values_are_forgotten_by_key_by_tag_and_all() -> None:
    it = Cache()
    it.engine.put("a", 1, tags=["user:1"])
    it.engine.put("b", 2, tags=["user:1", "user:2"])
    it.engine.put("c", 3)
    assert (it.engine.forget("c"), it.engine.forget("c")) == (True, False)
    assert it.engine.forget_tag("user:1") == 2
    assert it.engine.facts().entries == 0
    it.engine.put("a", 1)
    it.engine.clear()
    assert it.engine.get("a", int) is None


def test_a_key_has_one_type() -> None:
    it = Cache()
    it.engine.put("a", "text")
    with pytest.raises(TypeError, match="'a' is cached as str, requested as int"):
        it.load("a")
    it.engine.put("none", None)
    assert it.engine.get("none", int) is None


def test_a_node_has_one_cache() -> None:
    class Node(MixinCaching, NodeEffect):
        pass

    async def live() -> list[int]:
        node, it = Node(), Cache()
        return [await node.cache.load("k", int, it.loader()) for _ in range(2)]

    assert play(live()) == [1, 1]


def test_reported_metrics() -> None:
    it = Cache()
    it.load("a")
    assert it.engine.reported_metrics() == {"hits": 0.0, "misses": 1.0, "stale": 0.0, "shared": 0.0, "entries": 1.0}


def test_a_cache_that_is_off_calls_each_time() -> None:
    cache = Cache(enabled=False)
    calls: list[int] = []

    def work(number: int) -> int:
        calls.append(number)
        return number

    assert [cache.engine.remember(work, 2) for _ in range(2)] == [2, 2]
    assert calls == [2, 2]
