"""Dead letters: look into them and send them back to the node that failed, and to no other."""

from onex.dlq.letters import DeadLetter, read_letters
from onex.dlq.replay import replay

__all__ = ["DeadLetter", "read_letters", "replay"]
