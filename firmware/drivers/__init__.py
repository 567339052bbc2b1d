"""One chip, one module. A driver is handed a bus and imports nothing else."""
