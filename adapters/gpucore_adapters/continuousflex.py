"""ContinuousFlex's optflow_run.py: the optical flow from one subtomogram to another (TomoFlow)."""

from collections.abc import Iterable

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Output,
    Param,
    Program,
    Template,
)

__all__ = ["OPTICAL_FLOW", "gpucore_adapters"]

OPTICAL_FLOW = Adapter(
    name="continuousflex_optflow",
    title="ContinuousFlex optflow_run.py: three-dimensional optical flow between two volumes",
    family="ContinuousFlex",
    homepage="https://github.com/scipion-em/scipion-em-continuousflex",
    program=Program(
        # The script cannot be started by itself.
        executable="python",
        install="https://github.com/scipion-em/scipion-em-continuousflex",
    ),
    # Its last argument becomes CUDA_VISIBLE_DEVICES.
    gpu=Gpu(
        use=GpuUse.COMPULSORY, form="space", max=1, overwrites_mask=True, sharing="discouraged"
    ),
    command=Template(
        argv=(
            "%(EXE)s",
            "%(script)s",
            "%(reference)s",
            "%(volume)s",
            "%(pyramid_scale)s",
            "%(levels)s",
            "%(window)s",
            "%(iterations)s",
            "%(neighbourhood)s",
            "%(sigma)s",
            "%(reference_factor)s",
            "%(volume_factor)s",
            "%(out)s",
            "%(out.base)s_y.spi",
            "%(out.base)s_z.spi",
            "%(GPU)s",
        ),
    ),
    params={
        "volume": Param(type="path", item=True, suffix=(".spi", ".vol"),
                        help="subtomogram (Spider)"),
        "reference": Param(type="path", suffix=(".spi", ".vol"),
                           help="average that the flow starts from (Spider)"),
        "script": Param(type="path", suffix=(".py",),
                        help="optflow_run.py of ContinuousFlex (protocols/utilities)"),
        "out": Param(type="path", output="%(volume.stem)s_flow.spi", suffix=(".spi",),
                     help="flow along x; y and z lie beside it"),
        "pyramid_scale": Param(type="float", default=0.5, above=0, below=1,
                               help="scale from one level of the pyramid to the next"),
        "levels": Param(type="int", default=4, min=1, help="levels of the pyramid"),
        "window": Param(type="int", unit="voxels", default=10, min=1,
                        help="window that the flow is averaged over"),
        "iterations": Param(type="int", default=10, min=1, help="rounds at each level"),
        "neighbourhood": Param(type="int", unit="voxels", default=5, min=1,
                               help="neighbourhood that polynomials are fitted to"),
        "sigma": Param(type="float", unit="voxels", default=1.2, above=0,
                       help="width of the Gaussian that weights that neighbourhood"),
        "reference_factor": Param(type="int", default=100, min=1,
                                  help="what the reference is multiplied by"),
        "volume_factor": Param(type="int", default=100, min=1,
                               help="what the subtomogram is multiplied by"),
    },
    output=(
        Output(name="flow_y", path="%(out.base)s_y.spi"),
        Output(name="flow_z", path="%(out.base)s_z.spi"),
    ),
    failure=(
        # It ends with exit code 0 then.
        Failure(match=r"optical flow will not be calculated due to wrong arguments",
                class_=FailureClass.BAD_INPUT, effect="fail",
                hint="another release of ContinuousFlex, with other arguments"),
        Failure(match=r"cuMemAlloc failed: out of memory", class_=FailureClass.OUT_OF_MEMORY),
        Failure(match=r"cuInit failed|no CUDA-capable device|invalid device ordinal",
                class_=FailureClass.NO_DEVICE),
        Failure(match=r"ModuleNotFoundError: No module named", class_=FailureClass.NOT_STARTED,
                hint="its environment is not active: give `conda_env` in the site's "
                "configuration"),
    ),
    example=(
        Example(
            params={"volume": "s1.spi", "reference": "ref.spi", "script": "optflow_run.py"},
            gpus=(2,),
            argv=("python", "optflow_run.py", "ref.spi", "s1.spi", "0.5", "4", "10", "10", "5",
                  "1.2", "100", "100", "s1_flow.spi", "s1_flow_y.spi", "s1_flow_z.spi", "2"),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        # A slot of two: it uses one.
        Example(
            params={"volume": "s2.spi", "reference": "ref.spi", "script": "optflow_run.py",
                    "levels": 2, "window": 15},
            gpus=(1, 3),
            argv=("python", "optflow_run.py", "ref.spi", "s2.spi", "0.5", "2", "15", "10", "5",
                  "1.2", "100", "100", "s2_flow.spi", "s2_flow_y.spi", "s2_flow_z.spi", "1"),
        ),
    ),
    licence="GPL-3.0",
    citation="Harastani et al., J. Mol. Biol. 434 (2022) 167381, doi:10.1016/j.jmb.2021.167381",
    source="github.com/scipion-em/scipion-em-continuousflex 995c190 "
    "continuousflex/protocols/utilities/optflow_run.py, protocols/protocol_tomoflow.py",
    unverified=("never run; PyCUDA's messages are PyCUDA's in general",),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer this program."""
    return (OPTICAL_FLOW,)
