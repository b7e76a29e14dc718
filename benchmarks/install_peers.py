"""Install the peers into an environment of their own: `python -m benchmarks.install_peers`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv-peers"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = HERE / "requirements-peers.txt"


def install() -> None:
    """Make the environment, if it is not there, and install the pinned peers into it.

    Raises
    ------
    subprocess.CalledProcessError
        When pip fails; its own message is already on the terminal.
    """
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run(
        [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
            str(REQUIREMENTS),
        ],
        check=True,
    )


def main() -> int:
    """Install the peers and say what is still missing.

    Returns
    -------
    int
        0 when every peer can run, 1 when GNU parallel or a package is missing.
    """
    try:
        install()
    except subprocess.CalledProcessError as fault:
        sys.stderr.write(f"pip ended with {fault.returncode}; see its message above\n")
        return 1
    sys.stdout.write(f"peers installed in {ENVIRONMENT.relative_to(HERE.parent)}\n")
    if shutil.which("parallel") is None:
        sys.stderr.write(
            "GNU parallel is missing: install it from the distribution "
            "(Debian, Ubuntu: apt install parallel); its rows stay empty until then\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
