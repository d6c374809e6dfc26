"""Who waits for whom: jobs by masks, blocks, tasks by frames."""
