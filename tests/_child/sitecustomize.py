"""Python runs this at the start of every process that a test starts: the network guard, there too."""

import os
import sys
from pathlib import Path

if "BETHNA_TEST_REFUSED" in os.environ:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import _network

    sys.path.pop(0)
    _network.install(Path(os.environ["BETHNA_TEST_REFUSED"]))
