"""Placement: which task starts where, and every reason why one cannot."""
