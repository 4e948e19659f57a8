"""What a user may type, and the settings that come of it: the command line, else the configuration."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seepage.errors import BadSpec
from seepage.policy import Policy
from seepage.records import Entry

if TYPE_CHECKING:
    from seepage.config import Axis, Config


@dataclass(frozen=True, slots=True)
class Settings:
    """One run, as configured. models, series, benchmarks: as the user entered them, before hooks and controls."""

    models: tuple[Entry, ...]
    series: tuple[Entry, ...]
    benchmarks: tuple[Entry, ...]
    policy: Policy
    store: Path
    out: Path
    replay: Path | None
    controls: bool


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("seepage", "leakage of benchmarks into language models")
    for name, what in (
        ("model", "a model to judge: [id=]scheme:rest[,cutoff=YYYY-MM]; may be repeated"),
        ("series", "a published series: [id=]provider:column[/transform], or `real` for the default real ones"),
        ("bench", "a benchmark: [id=]provider:rest"),
    ):
        group.addoption(f"--seepage-{name}", action="append", default=[], metavar="SPEC", help=what)
    group.addoption("--seepage-config", metavar="FILE", help="a TOML file instead of [tool.seepage] in pyproject.toml")
    group.addoption("--seepage-store", metavar="FILE", help="where answers are kept (default .seepage/answers.sqlite)")
    group.addoption("--seepage-replay", metavar="STORE", help="judge stored answers again; no model is opened")
    group.addoption("--seepage-out", metavar="DIR", help="where evidence.jsonl goes (default .seepage)")
    group.addoption("--seepage-alpha", type=float, metavar="P", help="family-wise level of the run")
    group.addoption("--seepage-no-controls", action="store_true", help="do not add the embedded controls")


def read(config: pytest.Config) -> Settings:
    """The settings of this run. Raises BadSpec on anything that is not accepted, and names it."""
    option, base = config.option, Path(config.invocation_params.dir)
    file = configured(config)
    replay = base / option.seepage_replay if option.seepage_replay else None
    if replay is not None and not replay.is_file():
        raise BadSpec(f"--seepage-replay {replay}: there is no such store; name the file an earlier run wrote")
    policy, alpha = file.policy, option.seepage_alpha
    if alpha is not None:
        if not 0.0 < alpha < 1.0:
            raise BadSpec(f"--seepage-alpha {alpha:g}: the level of a run lies between 0 and 1, for instance 0.05")
        policy = dataclasses.replace(policy, alpha=alpha)
    return Settings(
        models=typed(option.seepage_model, "models", "--seepage-model") or file.models,
        series=typed(option.seepage_series, "series", "--seepage-series") or file.series,
        benchmarks=typed(option.seepage_bench, "benchmarks", "--seepage-bench") or file.benchmarks,
        policy=policy,
        store=base / (option.seepage_store or file.store),
        out=base / (option.seepage_out or file.out),
        replay=replay,
        controls=file.controls and not option.seepage_no_controls,
    )


def typed(texts: list[str], axis: Axis, where: str) -> tuple[Entry, ...]:
    from seepage.config import parse_entry, unique

    try:
        return unique((entry for text in texts for entry in parse_entry(text, axis, where=where)), where=where)
    except BadSpec as error:
        raise error if where in str(error) else BadSpec(f"{where}: {error}") from error


def configured(config: pytest.Config) -> Config:
    """What --seepage-config says, else seepage.toml or [tool.seepage] beside the tests, else nothing."""
    from seepage import config as configuration

    path = find(config)
    return configuration.Config() if path is None else configuration.load_file(path)


def find(config: pytest.Config) -> Path | None:
    """The file that configures this run. Raises BadSpec where the one that was named is missing."""
    base = Path(config.invocation_params.dir)
    if config.option.seepage_config:
        path: Path = base / config.option.seepage_config
        if not path.is_file():
            raise BadSpec(f"--seepage-config {path}: there is no such file")
        return path
    for folder in dict.fromkeys((config.rootpath, base)):
        if (folder / "seepage.toml").is_file():
            return folder / "seepage.toml"
        if has_table(folder / "pyproject.toml"):
            return folder / "pyproject.toml"
    return None


def has_table(project: Path) -> bool:
    """Whether a pyproject.toml speaks of seepage; one that is no TOML is not ours to complain about."""
    try:
        content: dict[str, Any] = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return "seepage" in content.get("tool", {})


def stated(config: pytest.Config) -> bool:
    """Whether this session says anything about seepage at all."""
    given = vars(config.option).items()
    return find(config) is not None or any(
        key.startswith("seepage_") and value not in (None, [], False) for key, value in given
    )
