"""``onex send`` and ``watch``: commands, and the messages that follow."""
