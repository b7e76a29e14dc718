"""What tests of adapters ask of them: their command, their outputs, and how a step of theirs ends.

`AdapterCase.ended` judges a step without running anything; `AdapterCase.ran` runs a stand-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
from programs import script

from gpucore.config import ProgramConfig, SiteConfig
from gpucore.errors import StepError
from gpucore.executor import StepExecutor
from gpucore.outcomes import Started, expected_outputs, judge
from gpucore.planning import make_step
from gpucore.plugins import Exit
from gpucore.standard import Adapter, render
from gpucore.standard.checks import example_devices, named_outputs
from gpucore.standard.params import read_values, rooted

if TYPE_CHECKING:
    from gpucore.standard import Command, Outcome
    from gpucore.standard.evidence import Evidence

__all__ = ["AdapterCase", "image"]


def image(path: Path) -> Path:
    """Write an MRC file that is no constant; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path, np.arange(64, dtype=np.float32).reshape(8, 8), overwrite=True):
        pass
    return path


@dataclass(frozen=True)
class AdapterCase:
    """An adapter, with what its tests have in common.

    Parameters
    ----------
    adapter : Adapter
        The program.
    least : Mapping
        The parameters that must be given.
    gpus : tuple of int
        The devices of a step that ended or ran; none for a program of the CPU.
    text : str
        What a file that the program made holds, when a test does not say it.
    images : tuple of str
        What the names of files end in that are made as images.
    """

    adapter: Adapter
    least: Mapping[str, object] = field(default_factory=dict)
    gpus: tuple[int, ...] = (0,)
    text: str = "1 2 3\n"
    images: tuple[str, ...] = (".mrc",)

    def command(self, *gpus: int, isolate: bool = False, **given: object) -> Command:
        """Return the command of one step, as ``--plan`` shows it."""
        values = read_values(self.adapter, {**self.least, **given})
        values = named_outputs(self.adapter, values, "out")
        return render(self.adapter, values, example_devices(gpus), isolate=isolate)

    def outputs(self, *, gpu: bool | None = None, **given: object) -> dict[str, str]:
        """Return the file names of the outputs that these parameters ask for, by name."""
        step = make_step(self.adapter, {**self.least, **given}, name="one", output="out")
        on_gpu = bool(self.gpus) if gpu is None else gpu
        expected = expected_outputs(step, step.values, gpu=on_gpu)
        return {one.name: Path(one.path).name for one in expected}

    def ended(
        self,
        folder: Path,
        printed: str,
        /,
        *made: str,
        code: int = 0,
        files: Mapping[str, str] | None = None,
        evidence: Evidence | None = None,
        **given: object,
    ) -> Outcome:
        """Return how a step ends whose program printed this, made these and gave this code.

        Parameters
        ----------
        folder : Path
            The step's own directory; what it makes and is told lies below it.
        made : str
            Files that it made.
        files : Mapping
            Files that it made with this text.
        evidence : Evidence
            What was seen of it meanwhile.
        """
        step = make_step(self.adapter, {**self.least, **given}, name="one", output="out")
        texts = {**dict.fromkeys(made, self.text), **(files or {})}
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(self.images) and name in made:
                image(folder / name)
            else:
                (folder / name).write_text(text, encoding="utf-8")
        (folder / "log.txt").write_text(printed, encoding="utf-8")
        started = Started(
            step=step,
            devices=example_devices(self.gpus),
            values=rooted(self.adapter, step.values, str(folder)),
            folder=str(folder),
            log=str(folder / "log.txt"),
        )
        return judge(started, Exit(code=code), evidence)

    def ran(self, folder: Path, text: str, /, **given: object) -> Outcome:
        """Return how a real step ends whose program is this shell text."""
        program = ProgramConfig(executable=script(folder / "standin", text))
        config = SiteConfig(program={self.adapter.name: program})
        opened = StepExecutor.open(
            gpus=" ".join(map(str, self.gpus)),
            devices="simulated:1",
            output="out",
            root=folder,
            config=config,
        )
        with opened as executor:
            future = executor.submit(self.adapter, **{**self.least, **given})
            error = future.exception()
        return error.outcome if isinstance(error, StepError) else future.result()
