"""``python -m tests.integration.supervised COMMAND...``: a command that is started again when it dies.

It ends with this process, however that ends.
"""

import sys

from onex.agent.process.supervisor import supervise

if __name__ == "__main__":
    sys.exit(supervise(["setpriv", "--pdeathsig", "KILL", "--", *sys.argv[1:]], 1, 30.0))
