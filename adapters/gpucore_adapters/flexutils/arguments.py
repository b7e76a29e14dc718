"""What the networks of the Flexutils toolkit have in common: parameters, arguments, sources."""

from gpucore.standard import Gpu, GpuUse, Group, Param
from gpucore_adapters.tensorflow_failures import TENSORFLOW_FAILURES

__all__ = [
    "CTF_ARGUMENTS",
    "CTF_PARAMS",
    "DISENTANGLING_ARGUMENTS",
    "DISENTANGLING_PARAMS",
    "FAILURES",
    "GPU_ARGUMENTS",
    "HOMEPAGE",
    "INSTALL",
    "LICENCE",
    "ONE_GPU",
    "PARTICLES",
    "PREDICTED",
    "SOURCE",
    "STRUCTURE_ARGUMENTS",
    "STRUCTURE_PARAMS",
    "TRAINING_ARGUMENTS",
    "TRAINING_PARAMS",
]

HOMEPAGE = "https://github.com/I2PC/Flexutils-Toolkit"
INSTALL = HOMEPAGE
LICENCE = "GPL-3.0"
SOURCE = "github.com/I2PC/Flexutils-Toolkit dbe2ac2 (1.3.2) tensorflow_toolkit/scripts"
FAILURES = TENSORFLOW_FAILURES

# The list becomes CUDA_VISIBLE_DEVICES; without one it would take every GPU of the machine. These
# compute on the first alone, and let the memory that they hold grow.
ONE_GPU = Gpu(use=GpuUse.OPTIONAL, form="comma", max=1, overwrites_mask=True, sharing="discouraged")
GPU_ARGUMENTS = (Group(when="gpu", args=("--gpu", "%(GPU)s")),)

PARTICLES = Param(
    type="path", item=True, suffix=(".xmd",),
    help="metadata of the particles; beside it lie mask.mrc and, if there is one, volume.mrc",
)  # fmt: skip
# They write into the file that they read. It is the user's own: neither an item of a stage nor an
# output, since what a failed attempt changed of its outputs is put aside.
PREDICTED = Param(
    type="path", check="any", suffix=(".xmd",),
    help="metadata of the particles, with mask.mrc and volume.mrc beside it; what was found is "
    "written into this very file",
)  # fmt: skip

CTF_ARGUMENTS = (
    "--sr", "%(pixel_size)s",
    "--pad", "%(padding)s",
    "--apply_ctf", "%(ctf)s",
    "--ctf_type", "%(ctf_type)s",
)  # fmt: skip
CTF_PARAMS = {
    "pixel_size": Param(type="float", unit="Å", above=0, max=100, help="pixel size"),
    "padding": Param(type="int", default=2, min=1, max=8, advanced=True,
                     help="padding of Fourier transforms"),
    "ctf": Param(type="bool", default=True, section="CTF",
                 help="take the CTF of the metadata into account"),
    "ctf_type": Param(type="choice", choices=("apply", "wiener"), default="apply", section="CTF",
                      help="apply: to the projections; wiener: correct the particles"),
}  # fmt: skip

# --max_samples_seen is left out: the programs delete a name of theirs after it, and so fail in it.
TRAINING_ARGUMENTS = (
    "--md_file", "%(particles)s",
    "--out_path", "%(out)s",
    "--batch_size", "%(batch)s",
    Group(when="shuffle", args=("--shuffle",)),
    "--split_train", "%(training_part)s",
    "--epochs", "%(epochs)s",
    "--architecture", "%(architecture)s",
    Group(args=("--weigths_file", "%(start)s")),
    Group(when="compile", args=("--jit_compile",)),
    Group(when="tensorboard", args=("--tensorboard",)),
)  # fmt: skip
TRAINING_PARAMS = {
    "batch": Param(type="int", unit="particles", default=8, min=1, section="Training",
                   help="particles at once; fewer take less memory"),
    "epochs": Param(type="int", default=20, min=1, section="Training",
                    help="rounds over all particles"),
    "shuffle": Param(type="bool", default=True, section="Training", advanced=True,
                     help="take particles in random order"),
    "training_part": Param(type="float", default=1.0, above=0, max=1, section="Training",
                           help="part of the particles that is trained on; the rest validates"),
    "architecture": Param(type="choice", choices=("convnn", "mlpnn"), default="convnn",
                          section="Training", advanced=True,
                          help="encoder: convolutions (convnn) or a perceptron (mlpnn)"),
    "start": Param(type="path", optional=True, section="Training",
                   help="trained network to go on from"),
    "compile": Param(type="bool", default=True, section="Training", advanced=True,
                     help="compile by XLA; false where the GPU does not bear it"),
    "tensorboard": Param(type="bool", default=False, section="Training", advanced=True,
                         help="write logs for Tensorboard; takes much memory"),
}  # fmt: skip

DISENTANGLING_ARGUMENTS = (
    Group(when="refine_pose", args=("--refine_pose",)),
    "--pose_reg", "%(pose_weight)s",
    "--ctf_reg", "%(ctf_weight)s",
)  # fmt: skip
DISENTANGLING_PARAMS = {
    "refine_pose": Param(type="bool", default=True, help="refine angles and shifts, too"),
    "pose_weight": Param(type="float", default=0.001, min=0, advanced=True,
                         help="weight of keeping poses out of the landscape; 0: not done"),
    "ctf_weight": Param(type="float", default=0.001, min=0, advanced=True,
                        help="weight of keeping the CTF out of the landscape; 0: not done"),
}  # fmt: skip

# What the networks that deform one reference have in common.
STRUCTURE_ARGUMENTS = (
    "--step", "%(step)s",
    "--lr", "%(learning_rate)s",
    "--cost", "%(cost)s",
    Group(when="cost", equals=("fpc",), args=("--radius_mask", "%(mask_radius)s")),
    Group(when="smooth_mask", args=("--smooth_mask",), where={"cost": ("fpc",)}),
    "--regNorm", "%(norm_weight)s",
    "--regBond", "%(bond_weight)s",
    "--regAngle", "%(angle_weight)s",
    Group(args=("--regClashes", "%(clash_weight)s")),
)  # fmt: skip
STRUCTURE_PARAMS = {
    "step": Param(type="int", unit="voxels", default=1, min=1, section="Training",
                  help="takes each step-th voxel; more is faster"),
    "learning_rate": Param(type="float", default=1e-5, above=0, section="Training",
                           help="learning rate"),
    "cost": Param(type="choice", choices=("corr", "fpc", "mse", "mae"), default="corr",
                  section="Cost", help="compare by correlation, Fourier phase correlation, squared "
                  "or absolute differences"),
    "mask_radius": Param(type="float", default=0.85, above=0, max=2, section="Cost",
                         help="for fpc: radius of the mask in Fourier space, in half boxes"),
    "smooth_mask": Param(type="bool", default=True, section="Cost",
                         help="for fpc: let that mask end smoothly"),
    "norm_weight": Param(type="float", default=1e-4, min=0, section="Cost", advanced=True,
                         help="weight against large coefficients"),
    "bond_weight": Param(type="float", default=0.01, min=0, section="Cost", advanced=True,
                         help="with atoms: weight of the bonds' lengths"),
    "angle_weight": Param(type="float", default=0.01, min=0, section="Cost", advanced=True,
                          help="with atoms: weight of the bonds' angles"),
    "clash_weight": Param(type="float", optional=True, min=0, section="Cost", advanced=True,
                          help="with atoms: weight against clashes"),
}  # fmt: skip
