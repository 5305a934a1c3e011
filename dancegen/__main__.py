"""`python -m dancegen` is the command `dancegen`."""

import sys

from dancegen.cli import main

if __name__ == "__main__":
    sys.exit(main())
