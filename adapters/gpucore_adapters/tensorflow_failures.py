"""What TensorFlow prints when a GPU fails it: the same for every program that is built on it."""

from gpucore.standard import Failure, FailureClass

__all__ = ["TENSORFLOW_FAILURES"]

# A run may go on after "out of memory": it only explains a step that failed anyhow.
TENSORFLOW_FAILURES = (
    Failure(match=r"GPU memory has been exhausted|ResourceExhaustedError|OOM when allocating"
                  r"|CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED|Out of (?:gpu|GPU) Memory",
            class_=FailureClass.OUT_OF_MEMORY,
            hint="smaller images or batches; TensorFlow takes all memory of a GPU: share it with "
            "no other program"),
    Failure(match=r"CUDA_ERROR_ILLEGAL_ADDRESS|CUDA_ERROR_LAUNCH_FAILED|CUDA_ERROR_ECC",
            class_=FailureClass.DEVICE_FAULT),
    # It computes on the processor then, and says so in its log alone.
    Failure(match=r"Skipping registering GPU devices|Could not find cuda drivers on your machine"
                  r"|CUDA_ERROR_NO_DEVICE|CUDA_ERROR_INVALID_DEVICE",
            class_=FailureClass.CPU_FALLBACK, when="gpu", effect="warn",
            hint="TensorFlow found no GPU that it can use: install one that is built for this "
            "driver, or say use_gpu = false"),
    Failure(match=r"ModuleNotFoundError: No module named", class_=FailureClass.NOT_STARTED,
            hint="its environment is not active: give `conda_env` in the site's configuration"),
)  # fmt: skip
