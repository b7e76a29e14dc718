"""`python -m benchmarks` starts the command line."""

from __future__ import annotations

import sys

from benchmarks.run import main

sys.exit(main())
