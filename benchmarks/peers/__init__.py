"""One driver for each tool; each runs alone, in a process of its own, and prints one JSON line."""
