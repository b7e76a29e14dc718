"""hello keeps the contract of adapters, at every level."""

from gpucore.testing import AdapterContract


class TestHello(AdapterContract):
    adapter = "hello"
    level = "live"
    checks_outputs = False  # echo makes no file
