"""Watched folders: files that become steps while a microscope still writes others."""
