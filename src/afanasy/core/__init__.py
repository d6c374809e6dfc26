"""The pure heart of the server: state, reactions, solving. No input or output, no clocks.

The spine lies here; its rooms are packages, from the top floor down: ``job``, ``host``, ``run``,
``why``, ``system``, ``place``, ``depend``, ``limit``. ARCHITECTURE.md says what happens in each.
"""

from __future__ import annotations
