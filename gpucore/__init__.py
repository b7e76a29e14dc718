"""GPUs for the programs of cryo-EM: the standard, the allocator, adapters and executors."""
