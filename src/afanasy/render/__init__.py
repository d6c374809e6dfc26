"""The agent on a render host: processes, run folders, the link to the server."""

from __future__ import annotations
