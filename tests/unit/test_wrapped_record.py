"""Records in place of others have their places, values and times."""

from onex.agent.message.adoption import AdoptedRecord, has_another_key
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.bus.kafka.unreadable import UnreadableRecord
from onex.bus.memory.log import MemoryRecord
from onex.errors import PoisonError

RECORD = MemoryRecord("t", 2, 7, b"k", b"v", (("a", b"1"),), 1234)


def test_what_is_not_replaced_is_that_of_the_record() -> None:
    adopted = AdoptedRecord(RECORD, b"other", [("b", b"2")])
    unreadable = UnreadableHeaders(RECORD, PoisonError("no UTF-8"))
    for record in (adopted, unreadable, UnreadableRecord(RECORD)):
        place = record.topic(), record.partition(), record.offset()
        assert (*place, record.value(), record.timestamp()) == ("t", 2, 7, b"v", (1, 1234))
        assert record.key() == (b"other" if record is adopted else b"k")
    assert (adopted.headers(), adopted.original_key, unreadable.headers()) == ([("b", b"2")], b"k", None)
    assert has_another_key(adopted)
    assert not has_another_key(unreadable)
