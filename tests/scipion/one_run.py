"""Runs one protocol in this process, and tells of it on standard output.

``python one_run.py GPU_LIST PROGRAM``: its one step runs a program of the shell's on the list's
GPUs. What pyworkflow and gpucore log is told, too.
"""

from __future__ import annotations

import logging
import sys

import pyworkflow


def main(gpus, program):
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    harness = sys.modules["harness"]
    pyworkflow.Config.getDomain().getProtocols()
    lab = harness.Lab(gpucore=True)

    def work():
        lab.recipe.running.runJob(program, "", env=None)

    done = lab.run(
        lab.kind("Compulsory"),
        lambda protocol: protocol._insertFunctionStep(work),
        threads=2,
        gpuList=gpus,
    )
    print("ended", done.status, flush=True)


if __name__ == "__main__":
    __import__("harness")
    main(*sys.argv[1:])
