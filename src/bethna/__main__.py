"""`python -m bethna`: the command line."""

import sys

from bethna.cli import main

if __name__ == "__main__":
    sys.exit(main())
