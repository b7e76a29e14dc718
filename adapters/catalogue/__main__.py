"""``python -m catalogue``: write all that is generated, or say what is not as it should be."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from catalogue import files

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Write the files; with ``--check`` only look, and return 1 when one is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m catalogue", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1: not up to date")
    check = parser.parse_args().check
    wrong = files.differences(ROOT)
    for path, text in wrong.items():
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if check:
            continue
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
