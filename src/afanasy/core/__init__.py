"""The pure heart of the server: state, reactions, solving. No input or output, no clocks."""

from __future__ import annotations
