# ruff: noqa: INP001 - Python finds it by its name in a folder, not in a package.
"""Every Python of a service whose PYTHONPATH names this folder begins with this: it comes up broken.

Nothing of the product knows of it; `loadtests.surge.mutants` starts such services.
"""

import os

from loadtests.surge.mutants.breaking import VARIABLE, break_imports

if VARIABLE in os.environ:
    break_imports(os.environ[VARIABLE].split())
