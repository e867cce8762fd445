"""Where tasks, policies and perturbations come from: the package itself, and three ways from outside.

1. a file that somebody names (`PluginRegistry.add_file`, or a path on the command line);
2. the files of an environment variable, separated as in PATH;
3. the entry points of installed packages.

Names are read from files without running them. What is known is loaded by its name and by nothing else: names
also come from records, and a record must not name code that is then run.
"""

import importlib
import importlib.util
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from ..errors import MissingPackage, WrongUse, missing_package, unknown_name
from .import_file import import_file
from .script_block import refuse_missing
from .source import Source, files_of, package_of, place_of
from .stated_names import stated_names

Base = TypeVar("Base")
Built = TypeVar("Built")


@dataclass(frozen=True)
class PluginRegistry:
    """Finds the classes of one kind by the name that each states, e.g. `id = "PandaLiftStool-v1"`."""

    kind: str
    """What messages call it, e.g. "task"."""
    attribute: str
    """The class attribute that states the name."""
    pattern: str
    """Regular expression of a name."""
    example: str
    """A name, for messages."""
    package: str
    """Bimodal's own: the classes in the files of this package's folder, but `template.py`."""
    folder: Path
    """Where that package lies."""
    variable: str
    """Name of the environment variable that lists files; `add_file` adds to it."""
    group: str
    """Name of the group of entry points: name = `module:Class`."""

    # --------------------------------------------------------------------------------- what is known

    def names(self) -> tuple[str, ...]:
        """Return every known name, in alphabetical order.

        Raises:
            WrongUse: the environment variable names a file that is not of this kind.
        """
        return tuple(sorted(self.sources()))

    def sources(self) -> dict[str, Source]:
        """Return where everything known lives, by name; raises as `names`."""
        found: dict[str, Source] = {**self.own(), **self.installed()}
        for file in self.listed():
            try:
                for name in self.names_in(file):
                    self._refuse_duplicate(name, file, found.setdefault(name, file))
            except WrongUse as error:
                raise self.in_variable(error) from error
        return found

    @cache  # noqa: B019 (a registry lives as long as the process)
    def own(self) -> dict[str, Path]:
        """Return the files of Bimodal's own, by name."""
        found: dict[str, Path] = {}
        files = [file for file in sorted(self.folder.glob("*.py")) if file.name != "template.py"]
        for file in files:
            for name in stated_names(file, self.kind, self.attribute):
                if (first := found.setdefault(name, file)) != file:
                    raise TypeError(f"{first} and {file} both define {name!r}")
        return found

    @cache  # noqa: B019
    def installed(self) -> dict[str, tuple[EntryPoint, ...]]:
        """Return the entry points by name; one with a wrong name is left out with a warning."""
        found: dict[str, tuple[EntryPoint, ...]] = {}
        for point in sorted(entry_points(group=self.group), key=package_of):
            if not re.fullmatch(self.pattern, point.name):
                wrong = f"the name is not {_article(self.attribute)} such as {self.example}"
                self.leave_out(point, f"{wrong}: rename the entry point")
            elif point.name in self.own():
                self.leave_out(point, "the name comes with bimodal: raise its version or take another name")
            else:
                found[point.name] = (*found.get(point.name, ()), point)
        return found

    def leave_out(self, point: EntryPoint, why: str) -> None:
        """Warn that an entry point is not used."""
        warnings.warn(f"{package_of(point)}: its {self.kind} {point.name!r} is left out, {why}", stacklevel=3)

    def names_in(self, file: Path) -> dict[str, str]:
        """Return name -> class name of what a file holds, without running it.

        Raises:
            WrongUse: no file, none of this kind in it, or a name that cannot be one.
        """
        found = stated_names(file, self.kind, self.attribute)
        line = f'{self.attribute} = "{self.example}"'
        if not found:
            raise WrongUse(f"{file} states no {self.attribute}: its class needs a line such as {line}")
        for name in found:
            if not re.fullmatch(self.pattern, name):
                raise WrongUse(f"{file}: {name!r} is no {self.attribute}; write one such as {line}")
        return found

    def add_file(self, path: str | Path, chosen: str = "") -> list[str]:
        """Make the classes of a file known by their names, here and in processes started from here.

        Args:
            path: the file.
            chosen: name of the class, where the file has several.

        Returns:
            All names of the file, that of the chosen class first.

        Raises:
            WrongUse: no file, no name in it, or a name that is taken.
        """
        file = Path(path).resolve()
        found = self.names_in(file)
        sources = self.sources()
        if len(found) > 1 and not chosen:
            first = next(iter(found.values()))
            raise WrongUse(f"{path} holds {len(found)} {self.kind}s; choose one: {path}:{first}")
        if chosen and chosen not in found.values():
            raise WrongUse(f"{path} holds no {self.kind} {chosen!r}; it holds: {', '.join(found.values())}")
        if os.pathsep in str(file):
            raise WrongUse(
                f"{file}: its path holds {os.pathsep!r}, which parts the files in {self.variable}; move it"
            )
        for name in found:
            self._refuse_duplicate(name, file, sources.get(name, file))
        if not found.keys() <= sources.keys():
            os.environ[self.variable] = os.pathsep.join([*self._listed(), str(file)])
        return sorted(found, key=lambda name: chosen not in ("", found[name]))

    def in_variable(self, error: WrongUse) -> WrongUse:
        """Return the error of a file that only the environment variable names, saying so."""
        return WrongUse(f"{error} (the environment variable {self.variable} names this file)")

    def place(self, name: str) -> str:
        """Return the file or the package of a known name, for people to read."""
        return place_of(self.sources()[name])

    def listed(self) -> list[Path]:
        """Return the files that the environment variable lists."""
        return [Path(path).resolve() for path in self._listed()]

    def _listed(self) -> list[str]:
        return [path for path in os.environ.get(self.variable, "").split(os.pathsep) if path]

    def _refuse_duplicate(self, name: str, file: Path, known: Source) -> None:
        """Refuse a file whose name another one has; the same file may be known in two ways."""
        if known != file and (isinstance(known, Path) or file not in files_of(known)):
            raise WrongUse(
                f"{file}: the {self.attribute} {name!r} exists already, in {place_of(known)}; "
                "raise its version or rename it"
            )

    # ------------------------------------------------------------------------------------- loading

    def source(self, name: str) -> Source:
        """Return where a name lives.

        Raises:
            WrongUse: nothing of this name; the message says the near ones.
        """
        known = self.sources()
        if name in known:
            return known[name]
        if name.endswith(".py"):
            raise WrongUse(f"{name!r} is a file, not {_article(self.attribute)}; make it known first")
        near = unknown_name(self.kind, name, known)
        raise WrongUse(
            f"{near}; for one from elsewhere name its file in {self.variable} or install its package"
        )

    def is_own(self, source: Source) -> bool:
        """Return whether this is one of Bimodal's own."""
        return isinstance(source, Path) and source.parent == self.folder

    def load(
        self, name: str, source: Source, base: type[Base], build: Callable[[type[Base]], Built]
    ) -> Built:
        """Import what a name stands for and return what `build` makes of its class.

        Args:
            name: what the class must state.
            source: where it lives.
            base: what the class must subclass.
            build: called with the class; what it raises is reported as the file's.

        Raises:
            WrongUse: it does not import or build, holds no such class, or is in several packages.
        """
        where = place_of(source)
        if not isinstance(source, Path) and len({point.value for point in source}) > 1:
            raise WrongUse(f"the {self.kind} {name!r} is in several packages: {where}; uninstall all but one")
        if isinstance(source, Path) and not self.is_own(source):
            refuse_missing(source)
        try:
            module = self._import(source)
            attribute = "" if isinstance(source, Path) else source[0].attr
            kinds = [getattr(module, attribute)] if attribute else list(vars(module).values())
            named = (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, base))
            found = next((kind for kind in named if getattr(kind, self.attribute, None) == name), None)
            if found is not None:
                return build(found)
        except (Exception, SystemExit) as error:
            if self.is_own(source) and (missing := missing_package(error)):
                raise MissingPackage(f"the {self.kind} {name!r} {missing}") from error
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise WrongUse(f"{where}{_line(error, source)} does not load: {text}") from error
        raise WrongUse(f"{where} holds no subclass of {base.__name__} with the {self.attribute} {name!r}")

    def _import(self, source: Source) -> ModuleType:
        if not isinstance(source, Path):
            return importlib.import_module(source[0].module)
        if self.is_own(source):
            return importlib.import_module(f"{self.package}.{source.stem}")
        return import_file(source, self.kind)


def _line(error: BaseException, source: Source) -> str:
    """Return ` line N` for the last line of the file that an error went through."""
    trace = error.__traceback__
    line = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(source):
            line = f" line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
