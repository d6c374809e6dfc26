"""Limits of services and tickets: what is declared, what is held, who may start."""
