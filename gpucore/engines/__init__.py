"""Where commands run: one contract (`gpucore.plugins.offers.Engine`) for all engines."""
