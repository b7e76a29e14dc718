"""The programs that gpucore knows: one module each, found through entry points of their own."""
