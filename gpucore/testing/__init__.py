"""The kit that proves an adapter: inherit `AdapterContract` in a test class, name the adapter.

It needs pytest. ``docs/howto/prove-an-adapter.md`` says what is checked at which level.
"""

import pytest

# Asserts of the checks then say what they have compared, as those of a test file do.
pytest.register_assert_rewrite(
    *(
        f"gpucore.testing.{name}"
        for name in (
            "command_checks",
            "gpu_checks",
            "import_checks",
            "live_checks",
            "name_checks",
            "output_checks",
            "param_checks",
            "recorded_checks",
        )
    )
)

from gpucore.testing.contract import AdapterContract  # noqa: E402 - after the line above
from gpucore.testing.recording import Recording, read_recordings  # noqa: E402 - as above
from gpucore.testing.subject import Subject  # noqa: E402 - as above

__all__ = ["AdapterContract", "Recording", "Subject", "read_recordings"]
