"""Names that are imported when they are first used, so that a package is light until then."""

from collections.abc import Callable
from typing import Any

import lazy_loader

# What answering and help do without; pyproject.toml's extra "train" installs it.
TRAINING_PACKAGES = frozenset({"torch", "torchvision", "sklearn", "pandas", "matplotlib", "joblib"})


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` (PEP 562) of a package, from its name and file.

    The `.pyi` beside the file lists the names, `from .module import Name`.

    Raises:
        ImportError: from `__getattr__`, where a name needs a package that is not installed.
    """
    load, names, public = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        try:
            return load(name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0]
            if missing not in TRAINING_PACKAGES:
                raise
            raise ImportError(
                f"{package}.{name} needs {missing}, which is not installed: "
                "pip install -c constraints.txt -e '.[train]'"
            ) from error

    return get, names, public
