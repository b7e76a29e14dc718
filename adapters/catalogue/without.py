"""Programs that people look for among the adapters, and why they have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.markdown import plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WITHOUT", "without_text"]

_WINDOW = "a window for people, without a mode that runs by itself"

WITHOUT = {
    "cryoSPARC": "a server of its own, asked for jobs by its API (`cryosparcm cli`, "
    "cryosparc-tools): it gives its jobs the GPUs of its lanes and starts them itself. Keep its "
    "GPUs out of `gpus`",
    "tom_deconv": "Warp's deconvolution as Scipion's plugin does it runs on CuPy inside Scipion's "
    "own process: there is no program to start. A host [leases a GPU](../howto/embed.md) for such "
    "a computation",
    "e2gmm.py": f"{_WINDOW}, and so is e2gmm_analysis.py; the programs that it starts have "
    "adapters (`e2gmm_refine` and the others)",
    "e2spt_boxer_convnet.py": f"{_WINDOW}: particles are marked in it, and the network trained",
    "e2tomogram_gpu.py": "a trial of its authors: image sizes are written into it, and it wants "
    "the alignment that it is to find. EMAN2's e2tomogram.py has no GPU",
    "annotate_space": f"{_WINDOW} (Hax)",
    "viewer_interactive_3d.py": f"{_WINDOW} (Flexutils)",
    "train_deep_elastic.py": "it lies among Flexutils' deprecated files, and is not installed as a "
    "program any more; see `flexutils_dimensionality_reduction`",
    "xmipp_deep_screen": "there is no such program: Scipion's old protocol of that name starts "
    "xmipp_deep_consensus, see `xmipp_deep_consensus`",
    "xmipp_forward_zernike_images": "it runs on the processor alone: Scipion shows GPUs for it, "
    "and uses none. On a GPU there is `xmipp_cuda_forward_art_zernike3d`",
    "WarpWorker": "WarpTools and MCore start it themselves, one for each GPU that they are given",
    "STOPGAP": "it runs on the processor alone. It is started by a script that is edited for each "
    "run, and submits its jobs to MPI or Slurm itself; GAPSTOP, on GPUs, is `gapstop_run_tm`",
    "novaCTF": "it runs on the processor alone",
    "REPIC": "it runs on the processor alone",
}
"""For each program the reason, as Markdown."""


def without_text() -> Iterator[str]:
    """Yield the lines of the section that tells of them."""
    yield "## Programs without an adapter, and why"
    yield ""
    rows = ((plain(name), why) for name, why in WITHOUT.items())
    yield from table(("program", "why"), rows)
