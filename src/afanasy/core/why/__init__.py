"""Answers: why work waits, why a render is idle, what would help."""
