"""Sans-IO codecs: what goes over a connection, and nothing that touches one."""

from __future__ import annotations
