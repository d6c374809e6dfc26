"""``afjob``: a job from a scene file, by its extension."""

from __future__ import annotations
