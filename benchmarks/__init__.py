"""What is measured of gpucore, side by side with other tools; never a timed test."""
