"""EMAN2: told of its GPU by the environment alone, which one of its programs would overwrite."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.eman2 import gpucore_adapters
from gpucore_adapters.eman2.about import KEEP_MASK
from gpucore_adapters.eman2.convnet import BOXER, SEGMENT, SEGMENT_TRAIN
from gpucore_adapters.eman2.drivers import HETER_REFINE, REFINE_ITER, SPT_REFINE_ITER
from gpucore_adapters.eman2.gmm import GMM_REFINE
from gpucore_adapters.eman2.gmm_new import GMM_JAX, GMM_REFINE_NEW
from gpucore_adapters.eman2.missing_wedge import FILL_WEDGE, FILL_WEDGE_TRAIN
from gpucore_adapters.eman2.particles import MAKE3D
from rendering import after

from gpucore.errors import ParameterError
from gpucore.standard import Adapter, FailureClass, Value
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

ALL = tuple(gpucore_adapters())
NAMES = [one.name for one in ALL]
MODEL = {"particles": "p.lst", "model": "gmm.txt"}

REFINE = AdapterCase(GMM_REFINE, {"particles": "p.hdf", "gaussians": 100})
NEW = AdapterCase(GMM_REFINE_NEW, MODEL)
JAX = AdapterCase(GMM_JAX, MODEL)
PICK = AdapterCase(
    BOXER,
    {"mic": "m1.mrc", "network": "n.hdf", "references": "r.hdf", "box_size": 256,
     "particle_size": 180, "pixel_size": 1.06},
    text='{"boxes": [[1, 2, "auto_convnet", 0.5]]}\n',
)  # fmt: skip
APPLY = AdapterCase(SEGMENT, {"tomogram": "t1.rec", "network": "n.hdf"}, images=(".mrc",))
LEARN = AdapterCase(SEGMENT_TRAIN, {"training_set": "mt_trainset.hdf"})


@pytest.mark.parametrize("adapter", ALL, ids=NAMES)
def test_it_does_not_contradict_itself_and_says_where_it_is_from(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.family == "EMAN2"
    for text in (adapter.licence, adapter.citation, adapter.source, adapter.homepage):
        assert text
    assert adapter.unverified


@pytest.mark.parametrize("adapter", ALL, ids=NAMES)
def test_the_mask_alone_says_which_gpu_and_device_is_never_given(adapter: Adapter) -> None:
    case = AdapterCase(adapter, adapter.example[0].params)
    command = case.command(3, 4)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3"
    assert not any(word.startswith("--device") for word in command.argv)
    assert case.command().env["CUDA_VISIBLE_DEVICES"] == ""


def test_e2gmm_refine_carries_what_keeps_its_mask() -> None:
    command = REFINE.command(2)
    assert [(one.name, one.text) for one in command.files] == [("sitecustomize.py", KEEP_MASK)]
    assert command.own_directory
    assert command.env["PYTHONPATH"] == "."


def test_the_mask_of_e2gmm_refine_is_not_set_to_0(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(KEEP_MASK)
    program = (
        "import os; os.environ['CUDA_VISIBLE_DEVICES']='0'; "
        "os.environ['TF_FORCE_GPU_ALLOW_GROWTH']='true'; "
        "print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ".", "CUDA_VISIBLE_DEVICES": "3"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["3", "true"]


@pytest.mark.parametrize("adapter", [GMM_REFINE_NEW, GMM_JAX, MAKE3D])
def test_a_program_that_heeds_its_mask_is_run_where_the_project_is(adapter: Adapter) -> None:
    command = AdapterCase(adapter, adapter.example[0].params).command(1)
    assert not command.own_directory
    assert not command.files


@pytest.mark.parametrize("case", [NEW, JAX], ids=["new", "jax"])
def test_each_task_has_its_own_output_option(case: AdapterCase) -> None:
    train, heter = case.command(0).argv, case.command(0, task="heter").argv
    assert {"--trainmodel", "--modelout"} <= set(train)
    assert not {"--heter", "--midout", "--encoderout"} & set(train)
    assert {"--heter", "--midout"} <= set(heter)
    assert not {"--trainmodel", "--modelout"} & set(heter)


def test_networks_are_outputs_of_the_tasks_that_write_them() -> None:
    assert set(NEW.outputs()) == {"out", "decoder_out"}
    assert set(NEW.outputs(task="heter")) == {"out", "decoder_out", "encoder_out"}
    assert set(JAX.outputs()) == {"out"}
    assert set(JAX.outputs(task="heter")) == {"out", "decoder_out"}
    assert set(NEW.outputs(save_networks=False)) == {"out"}


@pytest.mark.parametrize("name", ["a b.mrc", "m,1.mrc", "x__y.mrc", "$(rm x).mrc", "-m.mrc"])
def test_a_name_that_eman2_would_read_otherwise_is_a_link_of_ours(name: str) -> None:
    assert PICK.command(0, mic=name).argv == PICK.command(0).argv
    assert APPLY.command(0, tomogram=name).argv[3] == "tomograms/tomo.mrc"


def test_what_was_picked_gets_its_own_name(tmp_path: Path) -> None:
    outcome = PICK.ended(tmp_path, "", "info/mic_info.json")
    assert outcome.done, outcome.reason
    assert outcome.outputs["out"] == str(tmp_path / "out" / "m1_info.json")


def test_a_network_that_was_not_found_is_never_replaced_in_silence(tmp_path: Path) -> None:
    printed = "Cannot find saved network, retrain from scratch...\n"
    outcome = PICK.ended(tmp_path, printed, "info/mic_info.json")
    assert outcome.failure is FailureClass.BAD_INPUT


def test_a_segmentation_needs_its_network_twice() -> None:
    argv = APPLY.command(0).argv
    assert argv.count("neuralnets/nnet_save__net.hdf") == 2


def test_a_segmentation_and_a_network_get_their_own_names(tmp_path: Path) -> None:
    done = APPLY.ended(tmp_path, "Done.\n", "segmentations/tomo__seg.hdf")
    assert done.outputs["out"] == str(tmp_path / "out" / "t1_seg.hdf")
    learnt = LEARN.ended(tmp_path, "Done\n", "neuralnets/nnet_save__net.hdf")
    assert learnt.outputs["out"] == str(tmp_path / "out" / "mt_trainset_network.hdf")


def test_no_training_set_is_exit_code_0_and_a_failure_all_the_same(tmp_path: Path) -> None:
    outcome = LEARN.ended(tmp_path, "No training set input...exit.\n")
    assert outcome.failure is FailureClass.MISSING_OUTPUT


def test_jax_on_the_processor_is_no_run_on_a_gpu(tmp_path: Path) -> None:
    printed = (
        "An NVIDIA GPU may be present on this machine, but a CUDA-enabled jaxlib is not "
        "installed. Falling back to cpu.\n"
    )
    outcome = JAX.ended(tmp_path, printed, "out/p_gmm.txt")
    assert outcome.failure is FailureClass.CPU_FALLBACK


EARLIER: dict[str, Value] = {
    "refinement": "r3d_00", "iteration": 5, "particle_folder": "/p/particles",
}  # fmt: skip
ITER = AdapterCase(REFINE_ITER, {**EARLIER, "structure_factor": "sf.txt"})
SPT_ITER = AdapterCase(SPT_REFINE_ITER, {**EARLIER, "model": "gmm.txt"})
HETER = AdapterCase(HETER_REFINE, {**EARLIER, "structure_factor": "sf.txt", "mask": "m.hdf"})
DRIVERS = pytest.mark.parametrize(
    "case", [ITER, SPT_ITER, HETER], ids=lambda one: one.adapter.name
)  # fmt: skip


@DRIVERS
def test_a_driver_gets_the_map_of_its_iteration_in_two_digits(case: AdapterCase) -> None:
    assert case.command(0).argv[1] == "refined/threed_05.hdf"
    assert case.command(0, iteration=12).argv[1] == "refined/threed_12.hdf"
    with pytest.raises(ParameterError, match="too large"):
        case.command(0, iteration=100)


@DRIVERS
def test_a_driver_finds_the_images_that_its_lists_name_from_the_project(case: AdapterCase) -> None:
    links = {link.name: link.target for link in case.command(0).links}
    assert links["particles"] == "/p/particles"
    assert links["refined"] == "r3d_00"


@DRIVERS
def test_no_name_of_the_users_reaches_the_shell_of_a_driver(case: AdapterCase) -> None:
    hostile = "a;b $(touch x).hdf"
    given = {"mask": hostile, "jax": True} if "jax" in case.adapter.params else {"mask": hostile}
    command = case.command(0, **given)
    assert not [one for one in command.argv if ";" in one or "$" in one]
    assert "mask.hdf" in command.argv
    group = "symmetry" if "symmetry" in case.adapter.params else "expand_symmetry"
    with pytest.raises(ParameterError, match="does not fit"):
        case.command(0, **{group: "c1;x"})


@DRIVERS
def test_a_driver_makes_its_own_folder_and_never_writes_into_the_earlier_one(
    case: AdapterCase, tmp_path: Path
) -> None:
    assert "--path" not in case.command(0).argv
    outcome = case.ended(tmp_path, "", "gmm_00/threed_05.hdf")
    assert outcome.outputs["out"] == str(tmp_path / "out" / "r3d_00_gmm")
    assert case.ended(tmp_path, "").failure is FailureClass.MISSING_OUTPUT


def test_a_mask_that_would_be_passed_over_in_silence_is_refused() -> None:
    with pytest.raises(ParameterError, match="`mask` is given without `jax`"):
        ITER.command(0, mask="m.hdf")


def test_gaussians_are_counted_only_where_no_model_is_given() -> None:
    argv = ITER.command(0, model="gmm.pdb").argv
    assert after(argv, "--initpts") == "start.pdb"
    assert "--npt" not in argv
    assert after(ITER.command(0).argv, "--npt") == "2000"


FILL = AdapterCase(FILL_WEDGE, {"tomogram": "a,b.rec", "network": "n.h5"})
FILL_LEARN = AdapterCase(FILL_WEDGE_TRAIN, {"tomogram": "t1.hdf"})


def test_a_filled_tomogram_gets_its_own_name_whatever_commas_the_old_one_has(
    tmp_path: Path,
) -> None:
    assert after(FILL.command(0).argv, "--applyto") == "tomo.rec"
    outcome = FILL.ended(tmp_path, "Output written to tomo_mw.hdf  (3.1s)\n", "tomo_mw.hdf")
    assert outcome.outputs["out"] == str(tmp_path / "out" / "a,b_mw.hdf")


def test_exit_0_without_its_last_word_is_no_network(tmp_path: Path) -> None:
    made = ("neuralnets/mwfill2d_modelsave.h5", "neuralnets/trainout_mwfill2d.hdf")
    said = "model saved to neuralnets/mwfill2d_modelsave.h5\n"
    assert FILL_LEARN.ended(tmp_path, said, *made).done
    assert FILL_LEARN.ended(tmp_path, "iter 3, loss : 0.1\n", *made).failure is (
        FailureClass.PROGRAM_FAULT
    )
