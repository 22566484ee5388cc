"""Records that end or hang the process: found, carried alone, and in the end blocked (decision 26).

The :mod:`journal <onex.agent.crash.journal>` names the running records. A process that finds records in the journal
at its start counts one end of the process for each of them (:mod:`suspects <onex.agent.crash.suspects>`). The gates
of the two engines (:mod:`pure <onex.agent.pure.crash_gate>`, :mod:`effect <onex.agent.effect.crash_gate>`)
have suspects named one by one, carried alone, or their partition blocked. An operator's
:mod:`skip <onex.agent.crash.skips>` turns a blocked record into a dead letter.
"""

from onex.agent.crash.isolation import Isolation

__all__ = ["Isolation"]
