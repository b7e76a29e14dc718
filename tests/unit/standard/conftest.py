"""Hypothesis without deadlines: no test here looks at a clock."""

from hypothesis import settings

settings.register_profile("gpucore", deadline=None)
settings.load_profile("gpucore")
