"""Bridges into applications that have executors of their own."""
