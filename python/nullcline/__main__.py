"""`python -m nullcline`: the command line."""

from __future__ import annotations

import sys

from nullcline.cli import main

if __name__ == "__main__":
    sys.exit(main())
