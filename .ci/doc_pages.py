"""Find the blocks of a documentation page, and make the environment of a new user who runs them."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(console|python)(?: title=\"([^\"]+)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""Language, title and text of a page's block."""


def user_environment(home: Path) -> dict[str, str]:
    """Return the environment variables of a new user: this process's without Airflow's and Python's, and an own HOME."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHONPATH", "VIRTUAL"))
    }
    return {**kept, "HOME": str(home)}
