"""Breaks modules of the product as they are imported, in a process that was started to be broken."""

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from loadtests.surge.mutants.breaks import BREAKS, Break

# Names of breaks, separated by spaces; read by `inside/sitecustomize.py` only.
VARIABLE = "SURGE_BREAKS"


def break_imports(names: Iterable[str]) -> None:
    """From now on the modules of these breaks come up broken. Raises KeyError for a name that is none."""
    for name in names:
        for module, break_it in BREAKS[name].items():
            break_module(module, break_it)


def break_module(module: str, break_it: Break) -> None:
    """Have that done to it when it is imported."""
    sys.meta_path.insert(0, _Breaker(module, break_it))


class _Breaker(MetaPathFinder):
    def __init__(self, module: str, break_module: Break) -> None:
        self._module, self._break = module, break_module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        # Only once, so that whoever else breaks the same module finds it behind this one.
        sys.meta_path.remove(self)
        spec = next(filter(None, (finder.find_spec(fullname, path) for finder in sys.meta_path)), None)
        if spec and spec.loader:
            spec.loader = _BreakingLoader(spec.loader, self._break)
        return spec


class _BreakingLoader(Loader):
    def __init__(self, loader: Loader, break_module: Break) -> None:
        self._loader, self._break = loader, break_module

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._break(module)
