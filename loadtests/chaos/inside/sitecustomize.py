# ruff: noqa: INP001 - Python finds it by its name in a folder, not in a package.
"""Every Python of a service whose PYTHONPATH names this folder begins with this: its workers are weak.

Nothing of the product knows of it; rows of the fault table start such services.
"""

import os

from loadtests.chaos.weakness import FILE, weaken

if FILE in os.environ:
    weaken(os.environ[FILE])
