"""``python -m afanasy.reference``."""

from __future__ import annotations

import sys

from afanasy.reference.main import main

sys.exit(main())
