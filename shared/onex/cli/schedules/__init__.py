"""``onex schedules``, and the part of ``onex plan`` and ``onex apply`` that is about schedules."""
