"""MixinIntelligentCaching: two levels, renewals, and invalidation in every instance."""

import asyncio
import builtins
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import structlog
from pydantic import ValidationError
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

from onex.capability import HealthChecks, Reports
from onex.capability.following import NoTopics
from onex.errors import CompositionError, TransientError
from onex.mixins.caching import MixinCaching
from onex.mixins.intelligent_caching import MixinIntelligentCaching, ModelIntelligentCachingSubcontract
from onex.mixins.intelligent_caching.failures import reason_of
from onex.mixins.intelligent_caching.names import short
from onex.mixins.intelligent_caching.removals import Removals
from onex.mixins.intelligent_caching.second_level import SecondLevel
from onex.mixins.intelligent_caching.stored import read, written
from onex.mixins.intelligent_caching.url import address_of
from onex.model.mesh import CAPABILITY_TOPICS, CacheInvalidated
from onex.model.message import Message
from onex.node import NodeEffect
from tests.mixins.cache_mesh import TOPIC, Instance, Mesh, PriceChanged
from tests.mixins.certificates import Authority
from tests.mixins.helpers import CURRENT_MESSAGE
from tests.mixins.redis_server import RespServer
from tests.mixins.virtual import play


async def _idle() -> None:
    """Let tasks in the background end. A command of the fake takes no time."""
    for _ in range(50):
        await asyncio.sleep(0)


# -- two levels


@pytest.mark.enforces("intelligent_caching.url")
def test_a_value_is_loaded_once_for_all_instances() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        assert [await one.load(), await two.load(), await two.load(), await one.load()] == [1, 1, 1, 1]
        assert await one.load("other") == 2

    mesh.play(scene())
    assert (one.engine.facts().misses, one.engine.facts().hits_first) == (2, 1)
    assert (two.engine.facts().misses, two.engine.facts().hits_second, two.engine.facts().hits_first) == (0, 1, 1)
    assert one.engine.facts().second_level_up == 1


def test_a_value_from_the_server_lives_as_long_as_it_had_left() -> None:
    mesh = Mesh()
    one, two = mesh.instance(refresh_ahead=0), mesh.instance(refresh_ahead=0)
    mesh.play(one.load())
    mesh.later(60)
    assert mesh.play(two.load()) == 1
    mesh.later(39.9)
    assert mesh.play(two.load()) == 1
    mesh.later(0.2)
    assert mesh.play(two.load()) == 2


def test_without_a_server_there_is_one_level() -> None:
    mesh = Mesh(with_server=False)
    it = mesh.instance()

    async def scene() -> None:
        assert [await it.load(), await it.load()] == [1, 1]
        assert await it.engine.get("missing", int) is None
        await it.engine.put("p", 7)
        assert await it.engine.get("p", int) == 7
        await it.engine.forget("p")
        assert await it.engine.get("p", int) is None
        await it.engine.probe()

    mesh.play(scene())
    assert it.engine.facts().second_level_up == 0
    assert mesh.server.commands == []


def test_values_are_put_and_got_across_instances() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        await one.engine.put("a", "text", ttl=10, tags=["t"])
        assert await two.engine.get("a", str) == "text"
        assert await two.engine.get("a", str) == "text"
        with pytest.raises(TypeError, match="cached as str"):
            await two.engine.get("a", int)
        assert await mesh.instance().engine.get("a", int) is None, "the type on the server is another one"
        await one.engine.put("short", 1, ttl=0.0001)
        assert await two.engine.get("short", int) is None
        assert [await one.engine.load("nothing", object, _nothing) for _ in range(2)] == [None, None]

    mesh.play(scene())
    assert two.engine.facts().hits_second == 1
    assert two.engine.facts().hits_first == 2


async def _nothing() -> object:
    return None


def test_a_value_that_is_put_is_not_replaced_by_an_older_one() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        loading = asyncio.create_task(it.load(took=5))
        await asyncio.sleep(1)
        await it.engine.put("k", 7)
        assert await loading == 1
        assert await it.load() == 7
        assert await mesh.instance().load() == 7

    mesh.play(scene())


def test_a_value_that_expired_on_the_server_is_not_returned() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()
    mesh.play(one.engine.put("a", 1, ttl=1))
    name, (value, _) = next(iter(mesh.server.values.items()))
    mesh.server.values[name] = value, float("inf")
    mesh.later(1)
    assert mesh.play(two.engine.get("a", int)) is None


@pytest.mark.enforces("intelligent_caching.namespace")
def test_names_have_the_node_and_the_version_of_its_contract() -> None:
    mesh = Mesh()
    mesh.play(mesh.instance().engine.put("price of ä", 1))
    assert list(mesh.server.values) == ["onex:{node_shop_effect:1.0.0}:k:price of ä".encode()]
    with pytest.raises(ValidationError, match="namespace"):
        ModelIntelligentCachingSubcontract.model_validate({"namespace": "a*b"})


def test_long_keys_are_hashed() -> None:
    assert short("a" * 200) == "a" * 200
    assert len(short("a" * 201)) == 71
    assert short("ä" * 101) != short("ä" * 102)
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        await two.engine.open()
        await one.engine.put("k" * 5_000, 1)
        await one.engine.put("\ud800", 2)
        assert await two.engine.get("k" * 5_000, int) == 1
        assert await two.engine.get("\ud800", int) == 2
        await one.engine.forget("k" * 5_000)
        assert await two.engine.get("k" * 5_000, int) is None

    mesh.play(scene())


@pytest.mark.enforces("intelligent_caching.max_value_bytes")
def test_a_large_value_stays_in_memory_and_replaces_the_one_on_the_server() -> None:
    mesh = Mesh()
    one, two = mesh.instance(max_value_bytes=1_000), mesh.instance(max_value_bytes=256)

    async def scene() -> None:
        await one.engine.put("a", "x" * 700)
        assert await two.engine.get("a", str) is None, "larger than this instance reads"
        await one.engine.put("a", "x" * 1_000)
        assert await one.engine.get("a", str) == "x" * 1_000
        assert mesh.server.values == {}

    mesh.play(scene())
    assert (one.engine.facts().not_stored, two.engine.facts().damaged) == (1, 1)


def test_only_values_that_are_read_as_the_same_are_stored() -> None:
    class Strange:
        pass

    class Odd(Message):
        text: str

        def __eq__(self, _: object) -> bool:
            raise ValueError("never compared")

        __hash__ = Message.__hash__

    assert written(Strange(), Strange, 1, 1, frozenset()) is None
    assert written(float("nan"), float, 1, 1, frozenset()) is None
    assert written(True, int, 1, 1, frozenset()) is None
    assert written(b"\xff", bytes, 1, 1, frozenset()) is None
    assert written("\ud800", str, 1, 1, frozenset()) is None
    good = written(PriceChanged(product="a"), PriceChanged, 5, 9, frozenset({"t"}))
    assert good is not None
    stored = read(good, PriceChanged)
    assert stored is not None
    assert (stored.value, stored.header.until_ms, stored.header.tags) == (PriceChanged(product="a"), 5, ("t",))
    for damaged in (b"", b"{}\n1", good[:-1], good.replace(b"PriceChanged", b"Other"), b"[" * 100_000, b"\xff\n\xff"):
        assert read(damaged, PriceChanged) is None
    assert read(good, Strange) is None


def test_bytes_of_another_program_are_loaded_and_written_again() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        await one.load()
        for name in mesh.server.values:
            mesh.server.values[name] = b"cposix\nsystem", float("inf")
        assert await two.load() == 2
        assert await mesh.instance().load() == 2

    mesh.play(scene())
    assert two.engine.facts().damaged == 1


# -- one loader


@pytest.mark.enforces("intelligent_caching.lock_seconds")
def test_a_value_is_loaded_by_one_instance_while_the_others_wait() -> None:
    mesh = Mesh()
    instances = [mesh.instance() for _ in range(5)]

    async def scene() -> Sequence[int]:
        return await asyncio.gather(*(each.load(took=2.0) for each in instances for _ in range(3)))

    assert mesh.play(scene()) == [1] * 15
    assert mesh.loads == 1
    assert not [name for name in mesh.server.values if b":l:" in name], "the lock is released"
    alone = Mesh()
    instances = [alone.instance(lock_seconds=0) for _ in range(5)]
    alone.play(asyncio_gather(instances))
    assert alone.loads == 5


async def asyncio_gather(instances: "Sequence[Instance]") -> None:
    await asyncio.gather(*(each.load(took=2.0) for each in instances))


def test_no_instance_waits_longer_than_the_lock_lives() -> None:
    mesh = Mesh()
    one, two = mesh.instance(lock_seconds=3), mesh.instance(lock_seconds=3)

    async def scene() -> tuple[int, float]:
        hangs = asyncio.create_task(one.load(took=60.0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        number = await two.load()
        ended = mesh.clock.monotonic()
        assert await hangs == 1
        return number, ended

    assert mesh.play(scene()) == (2, pytest.approx(3.0, abs=0.1))
    assert two.engine.facts().misses == 1


def test_a_lock_of_another_instance_is_not_released() -> None:
    mesh = Mesh()
    one, two = mesh.instance(lock_seconds=1), mesh.instance(lock_seconds=100)

    async def scene() -> None:
        slow = asyncio.create_task(one.load(took=5.0))
        await asyncio.sleep(2)
        other = asyncio.create_task(two.load(took=50.0))
        await slow
        assert [name for name in mesh.server.values if b":l:" in name]
        other.cancel()
        await asyncio.sleep(60)

    mesh.play(scene())


def test_the_lock_is_released_when_the_loader_fails() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        mesh.down = OSError("down")
        with pytest.raises(OSError, match="down"):
            await one.load()
        mesh.down = None
        assert await two.load() == 2

    mesh.play(scene())
    assert mesh.clock.monotonic() < 1


# -- renewals


@pytest.mark.enforces("intelligent_caching.refresh_ahead")
def test_a_value_is_renewed_before_it_expires() -> None:
    mesh = Mesh()
    it = mesh.instance(refresh_ahead=0.2)

    async def scene() -> None:
        assert await it.load() == 1
        await asyncio.sleep(79)
        assert await it.load() == 1
        await _idle()
        assert mesh.loads == 1
        await asyncio.sleep(1)
        assert await it.load(took=5) == 1, "the old value is returned immediately"
        assert await it.load(took=5) == 1
        await asyncio.sleep(6)
        assert await it.load() == 2
        await asyncio.sleep(75)
        assert await it.load() == 2, "the new value has a lifetime of its own"

    mesh.play(scene())
    assert (mesh.loads, it.engine.facts().refreshes) == (2, 1)
    alone = Mesh(with_server=False)
    it = alone.instance()

    async def again() -> None:
        await it.load()
        await asyncio.sleep(85)
        await it.load()
        await _idle()
        assert await it.load() == 2

    alone.play(again())
    never = Mesh()
    it = never.instance(refresh_ahead=0)
    never.play(it.load())
    never.later(99)
    never.play(it.load())
    assert never.loads == 1


def test_one_instance_renews_and_the_others_take_its_value() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        assert [await one.load(), await two.load()] == [1, 1]
        await asyncio.sleep(85)
        assert [await one.load(took=3), await two.load(took=3)] == [1, 1]
        await asyncio.sleep(4)
        assert mesh.loads == 2, "the lock was taken"
        assert [await one.load(), await two.load()] == [2, 1]
        await asyncio.sleep(5)
        assert await two.load() == 1
        await _idle()
        assert await two.load() == 2

    mesh.play(scene())
    assert mesh.loads == 2
    assert (one.engine.facts().refreshes, two.engine.facts().refreshes) == (1, 0)


@pytest.mark.enforces("intelligent_caching.refresh_retry_seconds")
def test_a_failed_renewal_keeps_the_value_until_its_limit() -> None:
    mesh = Mesh()
    it = mesh.instance(refresh_retry_seconds=6, lock_seconds=0, caching={"stale_if_error_seconds": 50})

    async def scene() -> None:
        await it.load()
        mesh.down = OSError("4111 down")
        await asyncio.sleep(80)
        for _ in range(3):
            assert await it.load() == 1
            await _idle()
        assert mesh.loads == 2, "not again before its time"
        await asyncio.sleep(6)
        assert await it.load() == 1
        await _idle()
        assert mesh.loads == 3
        await asyncio.sleep(50)
        assert await it.load() == 1, "stale, because the loader fails"
        await asyncio.sleep(20)
        with pytest.raises(OSError, match="down"):
            await it.load()

    mesh.play(scene())
    assert it.engine.facts().failed_refreshes == 2


def test_a_renewal_with_a_value_of_another_type_is_a_failure() -> None:
    mesh = Mesh(with_server=False)
    it = mesh.instance()

    async def wrong() -> int:
        return cast(int, "text")

    async def scene() -> None:
        await it.load()
        await asyncio.sleep(85)
        assert await it.engine.load("k", int, wrong) == 1
        await _idle()
        assert await it.load() == 1

    mesh.play(scene())
    assert it.engine.facts().failed_refreshes == 1


@pytest.mark.enforces("intelligent_caching.max_refreshes")
def test_few_values_are_renewed_at_a_time() -> None:
    mesh = Mesh()
    it = mesh.instance(max_refreshes=2)

    async def scene() -> None:
        for key in "abcd":
            await it.load(key)
        await asyncio.sleep(85)
        for key in "abcd":
            await it.load(key, took=1)
        await asyncio.sleep(2)

    mesh.play(scene())
    assert mesh.loads == 6


def test_a_request_after_expiry_waits_for_the_renewal() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        await it.load()
        await asyncio.sleep(99)
        assert await it.load(took=5) == 1
        await asyncio.sleep(2)
        assert await it.load() == 2
        mesh.down = OSError("down")
        await asyncio.sleep(96)
        assert await it.load(took=5) == 2
        await asyncio.sleep(4)
        mesh.down = OSError("down")
        with pytest.raises(OSError, match="down"):
            await it.load()

    mesh.play(scene())
    assert mesh.loads == 4


def test_a_value_that_is_invalidated_while_it_is_renewed_is_not_stored() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        await it.load()
        await asyncio.sleep(85)
        await it.load(took=5)
        await asyncio.sleep(1)
        await it.engine.forget("k")
        await asyncio.sleep(5)
        assert await it.engine.get("k", int) is None
        # A value that another instance has renewed is not taken, either.
        await it.engine.put("k", 7)
        await asyncio.sleep(85)
        await mesh.instance().engine.put("k", 8)
        mesh.server.takes = 0.1
        await it.load()
        await asyncio.sleep(0.05)
        it.first.forget("k")
        await asyncio.sleep(1)
        assert it.first.peek("k") is None

    mesh.play(scene())


# -- invalidation


def test_what_an_instance_forgets_is_forgotten_by_all() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        for each in (one, two):
            await each.engine.open()
        for key in "abc":
            for each in (one, two):
                await each.load(key, tags=["t"] if key != "c" else [])
        assert mesh.loads == 3
        await one.engine.forget("a")
        await _idle()
        assert two.first.peek("a") is None
        await one.load("a", tags=["t"])
        assert mesh.loads == 4
        await two.engine.forget_tag("t")
        await _idle()
        assert [one.first.peek(key) is None for key in "abc"] == [True, True, False]
        assert await one.load("a") == 5
        assert await one.load("b") == 6
        await two.engine.clear()
        await _idle()
        assert [one.first.peek(key) is None for key in "abc"] == [True, True, True]
        assert not [name for name in mesh.server.values if b":k:" in name]
        assert await one.load("c") == 7
        for each in (one, two):
            await each.engine.close()

    mesh.play(scene())
    assert one.publisher.events[0].causation_id == CURRENT_MESSAGE.message_id
    assert one.engine.facts().invalidations == 3


def test_messages_of_other_nodes_remove_nothing() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        await it.engine.open()
        await it.load()
        from datetime import UTC, datetime

        now = datetime(2026, 1, 1, tzinfo=UTC)
        for namespace, keys in (("node_other_effect:1.0.0", ("k",)), ("node_shop_effect:1.0.0", ("k" * 300,))):
            message = CacheInvalidated(namespace=namespace, origin="x", keys=keys, at=now)
            mesh.board.write(CAPABILITY_TOPICS[CacheInvalidated], message)
        assert await it.load() == 1

    mesh.play(scene())
    assert it.engine.facts().invalidations == 0


@pytest.mark.enforces("intelligent_caching.publish_invalidations")
def test_instances_may_forget_for_themselves() -> None:
    mesh = Mesh()
    one = mesh.instance(publish_invalidations=False)

    async def scene() -> None:
        await one.engine.open()
        await one.load()
        await one.engine.forget("k")

    mesh.play(scene())
    assert one.publisher.events == []
    assert mesh.board.takers == []
    assert mesh.server.values == {}


def test_an_invalidation_that_cannot_be_published_is_raised() -> None:
    mesh = Mesh()
    it = mesh.instance()
    it.publisher.down = TransientError("no broker")
    with pytest.raises(TransientError, match="no broker"):
        mesh.play(it.engine.forget("k"))


@pytest.mark.enforces(
    "intelligent_caching.invalidate_on",
    "intelligent_caching.invalidate_on.topic",
    "intelligent_caching.invalidate_on.message",
    "intelligent_caching.invalidate_on.keys",
    "intelligent_caching.invalidate_on.tags",
    "intelligent_caching.invalidate_on.everything",
)
def test_a_message_on_a_topic_removes_entries_in_every_instance() -> None:
    mesh = Mesh()
    rules = [
        {"topic": TOPIC, "message": "PriceChanged", "keys": ["price of {product}"], "tags": ["{kind}"]},
    ]
    one, two = mesh.instance(invalidate_on=rules), mesh.instance(invalidate_on=rules)
    third = mesh.instance(invalidate_on=[{"topic": TOPIC, "message": "PriceChanged", "everything": True}])

    async def scene() -> None:
        for each in (one, two):
            await each.engine.open()
            await each.load("price of apples")
            await each.load("shelf", tags=["fruit"])
            await each.load("price of pears")
        mesh.board.write(TOPIC, PriceChanged(product="apples"))
        await _idle()
        for each in (one, two):
            present = [key for key in ("price of apples", "shelf", "price of pears") if each.first.peek(key)]
            assert present == ["price of pears"]
        assert [name for name in mesh.server.values if b":k:" in name] == [
            b"onex:{node_shop_effect:1.0.0}:k:price of pears"
        ]
        await third.engine.open()
        mesh.board.write(TOPIC, PriceChanged(product="plums"))
        await _idle()
        assert not [name for name in mesh.server.values if b":k:" in name]

    mesh.play(scene())
    assert one.engine.facts().invalidations == 4


def test_a_rule_names_fields_of_its_message() -> None:
    mesh = Mesh()
    it = mesh.instance(invalidate_on=[{"topic": TOPIC, "message": "PriceChanged", "keys": ["{produce}"]}])
    with pytest.raises(
        CompositionError, match=r"invalidate_on\[0\]: PriceChanged has no field produce; it has product"
    ):
        mesh.play(it.engine.open())
    with pytest.raises(CompositionError, match="no follower knows PriceChanged"):
        NoTopics().model("PriceChanged")


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"keys": ["{a.b}"]}, "braces enclose"),
        ({"keys": ["{a!r}"]}, "braces enclose"),
        ({"keys": ["}"]}, "braces enclose"),
        ({"tags": [""]}, "1 to 500 characters"),
        ({"tags": ["a" * 501]}, "1 to 500 characters"),
        ({}, "removes nothing"),
        ({"topic": "prices", "everything": True}, "is not of the form"),
        ({"topic": f"staging.{TOPIC}", "everything": True}, "prefix of the environment"),
    ],
)
def test_rules_that_cannot_work_are_refused(rule: Mapping[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ModelIntelligentCachingSubcontract.model_validate(
            {"invalidate_on": [{"topic": TOPIC, "message": "PriceChanged", **rule}]}
        )


def test_a_topic_carries_one_message() -> None:
    rules = [{"topic": TOPIC, "message": name, "everything": True} for name in ("PriceChanged", "Other")]
    with pytest.raises(ValidationError, match="cannot carry both PriceChanged and Other"):
        ModelIntelligentCachingSubcontract.model_validate({"invalidate_on": rules})


@pytest.mark.parametrize("by", ["key", "tag", "all"])
def test_a_loader_that_began_before_an_invalidation_stores_nothing(by: str) -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def forget() -> None:
        match by:
            case "key":
                await it.engine.forget("k")
            case "tag":
                await it.engine.forget_tag("t")
            case _:
                await it.engine.clear()

    async def scene() -> None:
        loading = asyncio.create_task(it.load(took=5, tags=["t"]))
        await asyncio.sleep(1)
        await forget()
        later = asyncio.create_task(it.load(tags=["t"]))
        assert await loading == 1, "its callers asked before"
        assert await later == 2
        assert await it.load() == 2

    mesh.play(scene())


def test_a_value_that_is_invalidated_while_it_is_written_is_removed_again() -> None:
    mesh = Mesh()
    it = mesh.instance(timeout_seconds=10)

    async def scene() -> None:
        mesh.server.takes = 0.1
        writing = asyncio.create_task(it.load("w", tags=["t"]))
        while mesh.server.commands[-1:] != ["ZADD"]:
            await asyncio.sleep(0.01)
        await it.engine.forget_tag("t")
        await writing
        assert "SET" in mesh.server.commands[3:]
        assert not [name for name in mesh.server.values if name.endswith(b":k:w")]

    mesh.play(scene())


def test_a_node_that_stops_ends_its_renewals() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        await it.load()
        await asyncio.sleep(85)
        await it.load(took=50)
        await asyncio.sleep(1)
        await it.engine.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    mesh.play(scene())
    assert it.engine.facts().refreshes == 0


def test_removals_that_run_end_with_the_node() -> None:
    mesh = Mesh()
    it = mesh.instance(timeout_seconds=10)

    async def scene() -> None:
        mesh.server.takes = 5
        it.second.remove(["a"])
        it.second.settle_soon()
        it.second.settle_soon()
        await asyncio.sleep(1)
        await it.engine.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    mesh.play(scene())


def test_a_value_read_from_the_server_during_an_invalidation_is_not_stored() -> None:
    mesh = Mesh()
    one, two = mesh.instance(), mesh.instance()

    async def scene() -> None:
        await one.engine.open()
        await two.load()
        mesh.server.takes = 0.1
        reading = asyncio.create_task(one.engine.get("k", int))
        await asyncio.sleep(0.05)
        await one.engine.forget("k")
        assert await reading == 1
        assert one.first.peek("k") is None
        loading = asyncio.create_task(one.load("t", tags=["t"]))
        await asyncio.sleep(0.05)
        await one.engine.forget_tag("other")
        await loading
        assert one.first.peek("t") is not None

    mesh.play(scene())


# -- a server that fails


def test_calls_go_on_while_the_server_is_away() -> None:
    mesh = Mesh()
    it = mesh.instance(retry_seconds=10)
    mesh.server.down = ConnectionError("Error 111 connecting to redis.internal:6379")

    async def scene() -> None:
        with structlog.testing.capture_logs() as logs:
            assert [await it.load(key) for key in "abc"] == [1, 2, 3]
            assert await it.engine.get("d", int) is None
            await it.engine.put("d", 4)
        assert [each["reason"] for each in logs if "reason" in each] == ["no connection: ConnectionError"]
        assert len(mesh.server.commands) == 1, "one try in ten seconds"
        with pytest.raises(TransientError, match="the second level is not used: no connection"):
            await it.engine.probe()
        mesh.server.down = None
        assert await it.load("e") == 4
        await asyncio.sleep(10)
        assert await it.load("f") == 5
        assert it.engine.facts().second_level_up == 1
        await it.engine.probe()

    mesh.play(scene())
    assert it.reports == [("away", "no connection: ConnectionError"), ("back", "")]
    assert it.engine.facts().failures == 2


@pytest.mark.enforces("intelligent_caching.retry_seconds")
def test_one_use_at_a_time_tries_a_server_again() -> None:
    mesh = Mesh()
    it = mesh.instance(retry_seconds=10, timeout_seconds=1)
    mesh.server.down = BusyLoadingError("LOADING")

    async def scene() -> None:
        await it.load("a")
        await asyncio.sleep(10)
        mesh.server.takes = 0.5
        await asyncio.gather(*(it.load(key) for key in "bcdef"))

    mesh.play(scene())
    assert len(mesh.server.commands) == 2
    assert it.second.problem == "the server is loading its data"


@pytest.mark.enforces("intelligent_caching.timeout_seconds")
def test_a_slow_server_costs_its_time_limit_once() -> None:
    mesh = Mesh()
    it = mesh.instance(timeout_seconds=0.5, retry_seconds=30)
    mesh.server.takes = 60
    mesh.play(asyncio_all(it, "abcdef"))
    assert mesh.clock.monotonic() == pytest.approx(0.5)
    assert it.second.problem == "no reply within 0.5 s"


async def asyncio_all(it: Instance, keys: str) -> None:
    for key in keys:
        await it.load(key)


def test_a_full_server_still_returns_values() -> None:
    mesh = Mesh()
    it, two = mesh.instance(retry_seconds=10), mesh.instance()

    async def scene() -> None:
        await two.load("a")
        mesh.server.full = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
        assert await it.load("a") == 1, "read from the server"
        assert await it.load("b") == 2
        assert await it.engine.get("a", int) == 1
        writes = mesh.server.commands.count("SET")
        assert await it.load("c") == 3
        assert mesh.server.commands.count("SET") == writes, "not again before its time"
        with pytest.raises(TransientError, match="is full"):
            await it.engine.probe()
        await two.engine.forget("a")
        assert not [name for name in mesh.server.values if b":k:" in name], "values can be removed"
        mesh.server.full = None
        await it.engine.probe()
        assert await it.load("d") == 4

    mesh.play(scene())
    assert it.reports[0][0] == "away"
    assert [event for event, _ in it.reports] == ["away", "back"]
    assert [name for name in mesh.server.values if name.endswith(b":k:d")]


def test_what_is_invalid_is_not_read_and_is_removed_when_the_server_is_back() -> None:
    mesh = Mesh()
    one, two = mesh.instance(retry_seconds=1), mesh.instance(retry_seconds=1)

    async def scene() -> None:
        await one.engine.open()
        for key in "abc":
            await two.load(key, tags=["t"] if key == "b" else [])
        mesh.server.down = ConnectionError("gone")
        await one.engine.forget("a")
        mesh.server.down = None
        assert await one.engine.get("a", int) is None
        await asyncio.sleep(1)
        assert await one.engine.get("c", int) == 3
        await _idle()
        assert not [name for name in mesh.server.values if name.endswith(b":k:a")]
        mesh.server.down = ConnectionError("gone")
        await one.engine.forget_tag("t")
        await asyncio.sleep(1)
        await one.engine.clear()
        mesh.server.down = None
        await asyncio.sleep(1)
        assert await one.engine.get("b", int) is None
        await one.engine.probe()
        await _idle()
        assert not [name for name in mesh.server.values if b":k:" in name]
        await one.engine.close()

    mesh.play(scene())


@pytest.mark.parametrize("command", ["ZRANGE", "UNLINK", "ZREM", "SCAN"])
def test_a_removal_that_is_interrupted_is_done_again(command: str) -> None:
    mesh = Mesh()
    it = mesh.instance(retry_seconds=0)
    call = mesh.server.call

    async def interrupted(*words: str | bytes | int) -> object:
        if words[0] == command:
            mesh.server.call = call  # type: ignore[method-assign]
            raise ConnectionError("gone")
        return await call(*words)

    async def scene() -> None:
        await it.engine.put("a", 1, tags=["t"])
        mesh.server.call = interrupted  # type: ignore[method-assign]
        await (it.engine.clear() if command == "SCAN" else it.engine.forget_tag("t"))
        assert it.second.problem
        assert await it.engine.get("a", int) is None
        await it.engine.probe()
        await _idle()
        assert mesh.server.values == {}

    mesh.play(scene())


def test_a_removal_that_is_cancelled_is_done_later() -> None:
    mesh = Mesh()
    it = mesh.instance(timeout_seconds=5)

    async def scene() -> None:
        await it.engine.put("a", 1)
        mesh.server.takes = 1
        forgetting = asyncio.create_task(it.engine.forget("a"))
        await asyncio.sleep(0.5)
        forgetting.cancel()
        await asyncio.wait([forgetting])
        mesh.server.takes = 0
        assert await it.engine.get("a", int) is None
        await it.engine.probe()
        await _idle()
        assert mesh.server.values == {}

    mesh.play(scene())


def test_very_many_removals_are_one_of_everything() -> None:
    removals = Removals()
    assert not removals
    removals.add(keys=(str(number) for number in range(10_000)))
    assert (removals.hides("7"), removals.hides("x"), removals.everything) == (True, False, False)
    removals.add(tags=["t"])
    assert removals.everything
    assert (removals.keys, removals.tags) == ({}, {})
    assert removals.hides("x")
    tagged = Removals()
    tagged.add(tags=["t"])
    assert tagged.hides("x")


def test_the_index_of_a_tag_forgets_what_has_expired() -> None:
    mesh = Mesh()
    it = mesh.instance()
    mesh.play(it.engine.put("a", 1, ttl=1, tags=["t"]))
    mesh.later(2)
    mesh.play(it.engine.put("b", 1, tags=["t"]))
    assert list(mesh.server.sets.values()) == [{b"b": pytest.approx(102_000 + _start(mesh), abs=10)}]


def _start(mesh: Mesh) -> float:
    return mesh.clock.now_ms() - 1000 * mesh.clock.monotonic()


def test_health_says_when_invalidations_do_not_arrive() -> None:
    mesh = Mesh()
    it = mesh.instance()

    async def scene() -> None:
        await it.engine.open()
        mesh.board.following.problem = "no broker responds"
        with pytest.raises(TransientError, match="invalidations do not arrive: no broker responds"):
            await it.engine.probe()

    mesh.play(scene())


_REASONS: Sequence[tuple[Exception, str]] = (
    (AuthenticationError("WRONGPASS secret"), "rejects the credentials"),
    (NoPermissionError("NOPERM this user"), "rejects the credentials"),
    (ResponseError("NOAUTH Authentication required."), "rejects the credentials"),
    (ResponseError("WRONGPASS secret"), "rejects the credentials"),
    (OutOfMemoryError("OOM"), "is full"),
    (ReadOnlyError("READONLY"), "read-only replica"),
    (BusyLoadingError("LOADING"), "loading its data"),
    (TimeoutError("secret"), "no reply within 2 s"),
    (builtin_timeout := builtins.TimeoutError(), "no reply within 2 s"),
    (ConnectionError("secret"), "no connection: ConnectionError"),
    (OSError("secret"), "no connection: OSError"),
    (ResponseError("ERR unknown command 'secret'"), "refuses a command (ERR)"),
    (ResponseError("secret"), "refuses a command"),
    (InvalidResponse("secret"), "no usable reply: InvalidResponse"),
    (UnicodeDecodeError("utf-8", b"secret", 0, 1, "bad"), "no usable reply: UnicodeDecodeError"),
)


@pytest.mark.parametrize(("error", "reason"), _REASONS, ids=lambda value: str(type(value).__name__))
def test_reasons_have_no_secrets(error: Exception, reason: str) -> None:
    text = reason_of(error, 2.0)
    assert reason in text
    assert "secret" not in text


# -- the client


@asynccontextmanager
async def served(
    mesh: Mesh,
    url: str = "redis://shop:p%40ss@127.0.0.1:{port}/3",
    tls: "ssl.SSLContext | None" = None,
    **settings: object,
) -> "AsyncIterator[tuple[Instance, RespServer]]":
    """An instance whose client reaches the server of the mesh over TCP."""
    async with RespServer(mesh.server, "p@ss").running(tls) as server:
        mesh.with_server = False
        it = mesh.instance(url=url.format(port=server.port), timeout_seconds=10, caching=None, **settings)
        await it.engine.open()
        try:
            yield it, server
        finally:
            await it.engine.close()


@pytest.mark.enforces("intelligent_caching.max_connections")
def test_the_client_speaks_to_a_server() -> None:
    async def scene() -> None:
        mesh = Mesh()
        async with served(mesh, max_connections=2) as (it, server):
            await asyncio.gather(*(it.load(key, tags=["t"]) for key in "abcdefgh"))
            await it.engine.clear()
            await it.engine.put("a", 9, tags=["t"])
            it.first.clear()
            assert await it.engine.get("a", int) == 9
            await it.engine.forget_tag("t")
            assert await it.engine.get("a", int) is None
            await it.engine.probe()
            assert it.engine.facts().failures == 0
            assert server.connections == 2
            assert [b"AUTH", b"shop", b"p@ss"] in server.seen
            assert [b"SELECT", b"3"] in server.seen
        await it.engine.close()
        assert it.engine.facts().second_level_up == 0

    asyncio.run(scene())


def test_a_server_with_another_password_is_named_without_it() -> None:
    async def scene() -> None:
        mesh = Mesh()
        with structlog.testing.capture_logs() as logs:
            async with served(mesh, "redis://shop:hunter2@127.0.0.1:{port}") as (it, _):
                assert await it.load() == 1
                with pytest.raises(TransientError, match="rejects the credentials") as caught:
                    await it.engine.probe()
        assert "hunter2" not in f"{logs} {caught.value} {it.reports}"
        assert logs

    asyncio.run(scene())


@pytest.mark.enforces("intelligent_caching.tls_ca_file")
def test_a_connection_with_tls_is_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    key, certificate = authority.server("localhost")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    url = "rediss://shop:p%40ss@localhost:{port}"

    async def scene() -> None:
        async with served(Mesh(), url, tls, tls_ca_file=str(authority.file)) as (it, _):
            await it.load()
            assert it.second.problem == ""
            assert it.second.is_up
        async with served(Mesh(), url, tls) as (it, _):
            assert await it.load() == 1
            assert it.second.problem.startswith("no connection")

    asyncio.run(scene())


# -- configuration


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://secret@a", "no address of a Redis server"),
        ("redis://", "no address of a Redis server"),
        ("redis://secret@a:b", "no URL"),
        ("redis://secret@a:0", "no address of a Redis server"),
        ("rediss://secret@a/0?ssl_cert_reqs=none", "options in the URL"),
        ("redis://secret@a/one", "no number of a database"),
    ],
)
def test_a_url_is_checked_and_not_shown(url: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        ModelIntelligentCachingSubcontract.model_validate({"url": url})
    assert "secret" not in str(caught.value)


def test_a_url_may_be_empty() -> None:
    assert not ModelIntelligentCachingSubcontract.model_validate({"url": ""}).url.get_secret_value()


def test_a_url_has_credentials_and_a_database() -> None:
    address = address_of("rediss://shop:p%40ss@redis.internal:7000/3")
    assert (address.host, address.port, address.database, address.is_tls) == ("redis.internal", 7000, 3, True)
    assert (address.user, address.password) == ("shop", "p@ss")
    assert "p@ss" not in repr(address)
    assert address_of("redis://localhost").port == 6379
    settings = ModelIntelligentCachingSubcontract.model_validate({"url": "redis://u:secret@a"})
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()


def test_a_certificate_without_tls_is_an_error() -> None:
    with pytest.raises(ValidationError, match="has no effect without"):
        ModelIntelligentCachingSubcontract.model_validate({"url": "redis://a", "tls_ca_file": "ca.pem"})


def test_a_cache_that_is_off_uses_no_server() -> None:
    mesh = Mesh()
    it = mesh.instance(caching={"enabled": False}, url="redis://127.0.0.1:1")
    it.second = SecondLevel(it.engine._settings, it.engine._names, mesh.clock, lambda *_: None)
    it.engine._second = it.second

    async def scene() -> None:
        await it.engine.open()
        assert [await it.load(), await it.load()] == [1, 2]
        await it.engine.put("k", 1)
        assert await it.engine.get("k", int) is None
        await it.engine.close()

    mesh.play(scene())
    assert it.engine.facts().second_level_up == 0


def test_a_node_has_two_levels_without_an_agent() -> None:
    class Node(MixinIntelligentCaching, MixinCaching, NodeEffect):
        pass

    async def scene() -> None:
        node, mesh = Node(), Mesh()
        assert await node.intelligent_cache.load("k", int, mesh.loader()) == 1
        assert node.cache.get("k", int) == 1, "the memory is that of MixinCaching"
        await node.intelligent_cache.forget("k")
        assert node.cache.get("k", int) is None
        check = node.container.get(HealthChecks).all["intelligent_caching"]
        assert (check.critical, check.watch is None) == (False, False), "the agent runs it, and stays ready"
        assert list(node.container.get(Reports).take()) == []

    play(scene())


def test_reported_metrics() -> None:
    mesh = Mesh()
    it = mesh.instance()
    mesh.play(it.load())
    figures = it.engine.reported_metrics()
    assert (figures["misses"], figures["second_level_up"], figures["unreadable"]) == (1.0, 1.0, 0.0)
    assert all(type(value) is float for value in figures.values())
