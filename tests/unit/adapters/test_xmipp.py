"""Xmipp: ids that agree with the mask, one GPU where it uses one, and masks it writes itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.xmipp import gpucore_adapters
from gpucore_adapters.xmipp.alignment import ALIGN_SIGNIFICANT, CONTINUOUS_ASSIGN
from gpucore_adapters.xmipp.deep_denoising import DENOISE_TRAIN
from gpucore_adapters.xmipp.deep_maps import DEEPRES, MISALIGNMENT, POSTPROCESSING
from gpucore_adapters.xmipp.deep_particles import CENTER, CENTER_PREDICT, CONE_ALIGN
from gpucore_adapters.xmipp.deep_pictures import (
    CONSENSUS_SCORE,
    CONSENSUS_TRAIN,
    MICROGRAPH_CLEANER,
)
from gpucore_adapters.xmipp.fourier import MPI_RECONSTRUCT_FOURIER, RECONSTRUCT_FOURIER
from gpucore_adapters.xmipp.movies import FLEXALIGN, OPTICAL_FLOW
from gpucore_adapters.xmipp.pca_classes import ALIGN_PCA, CLASSIFY_PCA
from gpucore_adapters.xmipp.zernike import FORWARD_ART, VOLUME_DEFORM
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import Adapter, FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

ALL = tuple(gpucore_adapters())
NAMES = [one.name for one in ALL]

MOVIE = AdapterCase(FLEXALIGN, {"movie": "m1.mrcs", "pixel_size": 0.885})
FOURIER = AdapterCase(RECONSTRUCT_FOURIER, {"particles": "p.xmd"})
RANKS = AdapterCase(MPI_RECONSTRUCT_FOURIER, {"particles": "p.xmd"})
SIGNIFICANT = AdapterCase(ALIGN_SIGNIFICANT, {"particles": "p.xmd", "references": "r.xmd"})
CONTINUOUS = AdapterCase(
    CONTINUOUS_ASSIGN, {"particles": "p.xmd", "reference": "m.vol", "pixel_size": 1.0}
)
DEFORM = AdapterCase(VOLUME_DEFORM, {"map": "a.mrc", "reference": "b.mrc"})
ZART = AdapterCase(FORWARD_ART, {"particles": "p.xmd"})
CLEANER = AdapterCase(
    MICROGRAPH_CLEANER, {"micrographs": "m.xmd", "coordinates": "picked", "box_size": 256}
)
SCORE = AdapterCase(CONSENSUS_SCORE, {"particles": "p.xmd", "networks": "net"})
TRAIN = AdapterCase(CONSENSUS_TRAIN, {"positive": "g.xmd", "negative": ("b.xmd",)})
CENTRE = AdapterCase(CENTER, {"particles": "p.xmd"})
PREDICT = AdapterCase(CENTER_PREDICT, {"particles": "p.xmd", "model": "n.h5"})
CONE = AdapterCase(CONE_ALIGN, {"particles": "p.xmd", "labels": "l.txt", "box_size": 40})
SHARPEN = AdapterCase(POSTPROCESSING, {"map": "m1.mrc"})
CLASSES = AdapterCase(
    CLASSIFY_PCA, {"particles": "p.mrc", "metadata": "p.xmd", "bands": "b.pt", "vectors": "v.pt"}
)
BEADS = AdapterCase(MISALIGNMENT, {"folder": "TS_01"})

ENV_ALONE = [
    CONTINUOUS,
    DEFORM,
    ZART,
    AdapterCase(DEEPRES, {"map": "m.mrc", "mask": "k.mrc", "pixel_size": 1.0}),
    AdapterCase(ALIGN_PCA, {"particles": "p.mrc", "metadata": "p.xmd", "pixel_size": 3.0}),
]
ONE_FLAG = [
    (MOVIE, "--device"),
    (AdapterCase(OPTICAL_FLOW, {"movie": "m1.mrcs"}), "--gpu"),
    (FOURIER, "--device"),
]
OVERWRITES = [
    (SCORE, "-g"),
    (TRAIN, "-g"),
    (CENTRE, "--gpu"),
    (PREDICT, "--gpu"),
    (BEADS, "-g"),
    (CLASSES, "-g"),
]


def _of(cases: list[tuple[AdapterCase, str]]) -> list[str]:
    return [case.adapter.name for case, _ in cases]


@pytest.mark.parametrize("adapter", ALL, ids=NAMES)
def test_it_does_not_contradict_itself_and_says_where_it_is_from(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.family == "Xmipp"
    for text in (adapter.licence, adapter.citation, adapter.source, adapter.homepage):
        assert text
    assert adapter.unverified


@pytest.mark.parametrize(("case", "flag"), ONE_FLAG, ids=_of(ONE_FLAG))
def test_it_never_gets_two_gpus_even_when_its_slot_holds_two(case: AdapterCase, flag: str) -> None:
    argv = case.command(3, 4).argv
    assert after(argv, flag) == "3"
    assert "4" not in argv[argv.index(flag) :]


@pytest.mark.parametrize(("case", "flag"), ONE_FLAG, ids=_of(ONE_FLAG))
def test_highres_never_gives_the_machines_number_under_a_mask(case: AdapterCase, flag: str) -> None:
    command = case.command(2, 3, isolate=True)
    assert (after(command.argv, flag), command.env["CUDA_VISIBLE_DEVICES"]) == ("0", "2")
    plain = case.command(2, 3)
    assert after(plain.argv, flag) == "2"
    assert "CUDA_VISIBLE_DEVICES" not in plain.env


def test_align_significant_gets_a_list_with_blanks_that_agrees_with_its_mask() -> None:
    plain = SIGNIFICANT.command(0, 3)
    assert plain.argv[-3:] == ("--dev", "0", "3")
    assert "CUDA_VISIBLE_DEVICES" not in plain.env
    masked = SIGNIFICANT.command(2, 3, isolate=True)
    assert masked.argv[-3:] == ("--dev", "0", "1")
    assert masked.env["CUDA_VISIBLE_DEVICES"] == "2,3"  # without a comma at its end


@pytest.mark.parametrize("gpus", [(1,), (0, 2), (0, 1, 2, 3)])
def test_the_ranks_are_one_more_than_the_gpus(gpus: tuple[int, ...]) -> None:
    command = RANKS.command(*gpus)
    argv = command.argv
    colon = argv.index(":")
    assert argv[:4] == ("mpirun", "-n", "1", "xmipp_mpi_cuda_reconstruct_fourier")
    assert argv[colon + 1 : colon + 3] == ("-n", str(len(gpus)))
    assert argv[3:colon] == argv[colon + 3 :]  # every rank is told the same
    assert after(argv, "-gpusPerNode") == str(len(gpus))
    assert command.env["CUDA_VISIBLE_DEVICES"] == ",".join(map(str, gpus))


@pytest.mark.parametrize("case", ENV_ALONE, ids=[one.adapter.name for one in ENV_ALONE])
def test_a_program_without_an_option_sees_the_gpu_that_was_chosen_and_no_other(
    case: AdapterCase,
) -> None:
    command = case.command(3, 4)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3"
    assert not {"--device", "--dev", "--gpu", "-g"} & set(command.argv)


@pytest.mark.parametrize(("case", "flag"), OVERWRITES, ids=_of(OVERWRITES))
def test_gpu_10_is_never_taken_for_gpu_1(case: AdapterCase, flag: str) -> None:
    assert after(case.command(10, 11).argv, flag) == "10"


@pytest.mark.parametrize(("case", "flag"), OVERWRITES, ids=_of(OVERWRITES))
def test_a_program_that_writes_its_mask_gets_the_machines_number_and_no_mask(
    case: AdapterCase, flag: str
) -> None:
    command = case.command(2, isolate=True)
    assert after(command.argv, flag) == "2"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_the_cleaner_gets_commas_and_the_machines_numbers() -> None:
    command = CLEANER.command(1, 3, isolate=True)
    assert after(command.argv, "-g") == "1,3"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


@pytest.mark.parametrize(
    ("case", "flag"),
    [(CLEANER, "-g"), (CENTRE, "--gpu"), (PREDICT, "--gpu"), (SHARPEN, "-g"), (BEADS, "-g")],
    ids=["cleaner", "center", "center_predict", "postprocessing", "misalignment"],
)
def test_without_a_gpu_it_is_told_so_since_its_default_is_gpu_0(
    case: AdapterCase, flag: str
) -> None:
    command = case.command()
    assert after(command.argv, flag) == "-1"
    assert command.env["CUDA_VISIBLE_DEVICES"] == ""


def test_the_cones_gpu_is_the_last_word() -> None:
    assert CONE.command(2, 3).argv[-1] == "2"
    assert CONE.command().argv[-1] == "-1"


def test_the_misalignment_programs_ids_count_from_0() -> None:
    assert after(BEADS.command(0).argv, "-g") == "0"


def test_deep_consensus_has_no_form_without_a_gpu() -> None:
    with pytest.raises(GpucoreError, match="GPU"):
        SCORE.command()


def test_denoising_is_told_of_its_gpus_as_text_in_a_file() -> None:
    case = AdapterCase(
        DENOISE_TRAIN, {"particles": "p.xmd", "box_size": 64, "projections": "q.xmd"}
    )
    for gpus, told in (((0, 3), "0,3"), ((2,), "2"), ((), "")):
        command = case.command(*gpus, isolate=True)
        (file,) = command.files
        assert json.loads(file.text)["builder"]["gpuList"] == told
    assert "CUDA_VISIBLE_DEVICES" not in case.command(0, 3).env


@pytest.mark.parametrize("name", ["a b.mrc", "$(rm x);'\n\"%(GPU)s.mrc", "-i.mrc", "*.mrc"])
def test_a_name_that_a_shell_would_read_never_reaches_deepemhancers_line(name: str) -> None:
    assert SHARPEN.command(0, map=name).argv == SHARPEN.command(0).argv


def test_a_name_with_blanks_is_refused_where_xmipp_asks_a_shell() -> None:
    with pytest.raises(GpucoreError, match="coordinates"):
        CLEANER.command(0, coordinates="my picks")


def test_it_splits_a_path_into_folder_and_name_where_xmipp_joins_them() -> None:
    argv = SIGNIFICANT.command(0, out="level1/images.xmd", update=True).argv
    assert (after(argv, "--odir"), after(argv, "-o")) == ("level1", "images.xmd")
    assert after(argv, "--oUpdatedRefs") == "images_references"
    outputs = SIGNIFICANT.outputs(update=True)
    assert outputs["new_references"] == "p_aligned_references.stk"


def test_more_outputs_are_expected_only_when_asked_for() -> None:
    assert MOVIE.outputs() == {"out": "m1_aligned.mrc", "shifts": "m1_shifts.xmd"}
    assert MOVIE.outputs(save_movie=True)["aligned_movie"] == "m1_aligned_frames.mrcs"
    assert "strain_map" not in DEFORM.outputs()
    assert DEFORM.outputs(strain=True)["strain_map"] == "a_deformed_strain.mrc"
    assert CONTINUOUS.outputs()["metadata"] == "p_continuous.xmd"


def test_local_options_are_given_only_to_a_local_alignment() -> None:
    argv = MOVIE.command(0, local=False, patches=(5, 5)).argv
    assert "--skipLocalAlignment" in argv
    assert not {"--patches", "--controlPoints"} & set(argv)


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("  what():  GPUassert: out of memory gpu.cpp 136", FailureClass.OUT_OF_MEMORY),
        ("  what():  GPUassert: invalid device ordinal gpu.cpp 136", FailureClass.NO_DEVICE),
        ("Invalid GPU device '7' (index higher than number of", FailureClass.NO_DEVICE),
        (
            "GPUassert: an illegal memory access was encountered x.cu 3",
            FailureClass.DEVICE_FAULT,
        ),
        ("XMIPP_ERROR 20:  File or directory does not exist.", FailureClass.BAD_INPUT),
        ("error while loading shared libraries: libcufft.so.10", FailureClass.NOT_STARTED),
    ],
)
def test_an_abort_is_told_by_its_cause(tmp_path: Path, printed: str, failure: FailureClass) -> None:
    outcome = FOURIER.ended(tmp_path, f"{printed}\n", code=-6)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_exit_code_0_without_the_map_is_a_failure(tmp_path: Path) -> None:
    assert FOURIER.ended(tmp_path, "").failure is FailureClass.MISSING_OUTPUT


def test_a_network_that_fell_back_to_the_processor_says_so(tmp_path: Path) -> None:
    printed = (
        "gpu_device.cc: Cannot dlopen some GPU libraries. Skipping registering GPU devices...\n"
    )
    outcome = CENTRE.ended(tmp_path, printed, "out/p_center.h5")
    assert outcome.done, outcome.reason
    assert "TensorFlow found no GPU" in " ".join(map(str, outcome.warnings))


def test_a_full_gpu_of_pytorch_is_told_as_such(tmp_path: Path) -> None:
    printed = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n"
    assert CLASSES.ended(tmp_path, printed, code=1).failure is FailureClass.OUT_OF_MEMORY
