"""Property: whatever a sender writes and a handler raises, each record has one outcome. ``make fuzz`` draws more."""

from tests.unit.hostile_records import Checker, run
from tests.unit.hostile_world import hostile


def test_every_record_of_a_hostile_sender_has_one_outcome_and_the_next_good_one_goes_through() -> None:
    with hostile():
        checker = Checker()
        run(checker, 400, 19)
        checker.close()


def test_junk_on_the_retry_topic_ends_no_agent() -> None:
    with hostile():
        checker = Checker()
        run(checker, 100, 19, retry_topic=True)
        checker.close()
