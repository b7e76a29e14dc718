"""The pages of runs, served while these go on: read only, and to who may look.

`serving` keeps a `PageServer` open; a `RunFeed` follows one output folder for all who look at it.
"""

from __future__ import annotations
