"""Writes what is generated from the adapters: their manifest and the pages of docs/adapters."""
