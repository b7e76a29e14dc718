"""Whole-frame movie alignment: the program gpucore-framealign."""
