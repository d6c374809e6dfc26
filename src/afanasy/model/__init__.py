"""Pure data: identities, states, attributes of jobs, blocks, tasks, users and renders."""

from __future__ import annotations
