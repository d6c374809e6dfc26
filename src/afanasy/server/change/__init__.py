"""Requests that change something: read, checked, carried out."""
