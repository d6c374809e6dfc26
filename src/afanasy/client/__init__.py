"""Connections for long-lived consumers of the server."""

from __future__ import annotations
