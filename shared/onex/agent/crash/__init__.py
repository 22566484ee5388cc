"""Records that end or hang the process: found out, carried alone, and at last blocked (decision 26).

The :mod:`journal <onex.agent.crash.journal>` holds what is in work. A process that finds work in it at its start
counts one end for each record of it (:mod:`suspects <onex.agent.crash.suspects>`). The gates of the two engines
(:mod:`pure_gate <onex.agent.crash.pure_gate>`, :mod:`effect_gate <onex.agent.crash.effect_gate>`) watch suspects
closely, carry them alone, and block their partition. An operator's :mod:`skip <onex.agent.crash.skips>` turns a
blocked record into a dead letter.
"""

from onex.agent.crash.isolation import Isolation

__all__ = ["Isolation"]
