"""Writes what is generated from adapters, commands and forms: the manifest, and pages of docs."""
