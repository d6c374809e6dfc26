"""The test-side API: farms in memory, real processes, waiting."""
