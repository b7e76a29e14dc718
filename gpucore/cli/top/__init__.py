"""The live view of this machine's runs and GPUs: what is seen, how it is drawn, what keys do."""
