"""GNU parallel with its slot number, `{%}`, as the GPU; fed through a pipe once it is warm.

The steps arrive as command lines on its standard input, so that the same process runs the warm
steps and the measured ones. Its own end (a few milliseconds) is inside the figure.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time

from benchmarks.peers.workload import report, workload

WARM = "warm"


def main() -> None:
    """Measure the workload.

    Raises
    ------
    SystemExit
        When GNU parallel is not installed.
    """
    asked = workload()
    program = shutil.which("parallel")
    if program is None:
        sys.exit("GNU parallel is missing; Debian, Ubuntu: apt install parallel")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if not version.stdout.startswith("GNU parallel"):
        sys.exit("the `parallel` found is not GNU parallel (moreutils has one of the same name)")
    line = shlex.join(asked.command) + "\n"
    with subprocess.Popen(
        [
            program,
            "--will-cite",
            "--ungroup",
            f"-j{asked.slots}",
            "export CUDA_VISIBLE_DEVICES=$(({%}-1)); eval {}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parallel:
        if parallel.stdin is None or parallel.stdout is None:
            sys.exit("no pipe to GNU parallel")
        parallel.stdin.write(f"{shlex.join(asked.command)}; echo {WARM}\n" * asked.warm)
        parallel.stdin.flush()
        seen = 0
        while seen < asked.warm:
            if not (told := parallel.stdout.readline()):
                sys.exit("GNU parallel ended while it was warming")
            seen += told.strip() == WARM
        start = time.perf_counter()
        parallel.stdin.write(line * asked.steps)
        parallel.stdin.close()
        failed = parallel.wait()  # its exit status is the number of failed steps (101: more)
        seconds = time.perf_counter() - start
    report(
        asked,
        peer="gnu-parallel",
        version=version.stdout.split("\n", 1)[0].split()[-1],
        seconds=seconds,
        failed=failed,
    )


if __name__ == "__main__":
    main()
