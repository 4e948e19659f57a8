"""What the documents tell a user to type is accepted: options, tables of configuration, specs of series."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from seepage import config
from seepage.plugins import options
from seepage.series import open_series

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")])
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
CSV = sorted({spec for text in TEXT.values() for spec in re.findall(r'"(csv:[^"]+)"', text)})


def test_every_option_that_a_document_names_exists() -> None:
    parser = pytest.Parser(_ispytest=True)
    options.add(parser)
    known = {name for group in parser._groups for option in group.options for name in option.names()}
    named = {name for text in TEXT.values() for name in re.findall(r"--seepage-[a-z]+(?:-[a-z]+)*", text)}
    assert len(named) >= 5
    assert named <= known


def test_every_table_of_configuration_in_a_document_is_accepted() -> None:
    tables = [block for text in TEXT.values() for block in re.findall(r"```toml\n(.*?)```", text, re.S)]
    assert tables
    for block in tables:
        table = tomllib.loads(block)
        assert config.load(table.get("tool", {}).get("seepage", table)).models


@pytest.mark.parametrize("spec", CSV)
def test_every_csv_spec_in_a_document_opens_a_table_that_has_its_column(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, column = re.match(r"csv:([^#]+)#(\w+)", spec).groups()  # type: ignore[union-attr]
    rows = [f"{1990 + i // 12}-{i % 12 + 1:02d},{5 + (i * 7919 % 31) / 10:.1f}\n" for i in range(240)]
    (tmp_path / name).write_text(f"date,{column}\n" + "".join(rows))
    monkeypatch.chdir(tmp_path)
    assert len(open_series(spec)) == 240


def test_every_file_that_a_document_links_to_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", TEXT[page.name]):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
