"""The outside: one module for one outside thing."""
