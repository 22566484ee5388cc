"""``python -m tests.integration.supervised COMMAND...``: a command that is started again when it dies.

It ends with this process, however that ends, and this process with the thread of the test that started it.
"""

import sys

from onex.agent.process.supervisor import supervise

SUPERVISED = ("setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "tests.integration.supervised")
"""For ``Mesh.start(within=...)``."""

if __name__ == "__main__":
    sys.exit(supervise(["setpriv", "--pdeathsig", "KILL", "--", *sys.argv[1:]], 1, 30.0))
