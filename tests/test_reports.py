"""Writers of a decided run: the same words everywhere, text of a model harmless, files whole or not at all."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import reportkit

from seepage.errors import BadSpec
from seepage.records import Table
from seepage.reports import allure_files, allure_run, jsonl, pages, terminal, words
from seepage.verdicts import from_json

RUN = reportkit.run()
BY_WORD = {words.shown(verdict): verdict for verdict in RUN.verdicts}


# --- words --------------------------------------------------------------------------------------------------------


def test_the_made_up_run_holds_every_word() -> None:
    assert set(BY_WORD) == set(words.ORDER)
    assert words.counts(RUN.verdicts)["leak"] == 2


@pytest.mark.parametrize(
    argnames=("given", "seen"),
    argvalues=[
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a new title\x07text", "text"),
        ("\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("up\x1b[2Aand\x1b[2Kgone", "upandgone"),
        ("a\rb\x08c\x00d\x7fe\x9bf", "a bcdef"),
        ("left\u202eright\u2066x\u200bz", "leftrightxz"),
        ("two\n  lines\u2028three", "two lines three"),
        ("3,1 % — naïve 値", "3,1 % — naïve 値"),
        ("half an escape \x1b", "half an escape "),
    ],
)
def test_text_of_a_model_cannot_move_a_cursor_or_turn_the_reading_order(given: str, seen: str) -> None:
    assert words.plain(given) == seen


def test_no_number_is_a_dash_and_never_zero() -> None:
    assert words.figure(None) == "—"
    assert words.figure(0.0) == "0"
    assert words.figure(-0.0204) == "−.02"


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed_and_a_number_is_not() -> None:
    table = Table(
        "t", ("date", "reply"), (("1", "=HYPERLINK(1)"), ("2", "+3.12"), ("3", "-cmd"), ("4", None), ("5", -1.5))
    )
    read = list(csv.reader(io.StringIO(words.to_csv(table))))
    assert [row[1] for row in read] == ["reply", "'=HYPERLINK(1)", "+3.12", "'-cmd", "", "-1.5"]


def test_the_grid_has_a_row_a_pair_and_a_hole_where_nothing_was_asked() -> None:
    made = words.grid(RUN.verdicts)
    assert made.hypotheses == ("numleak.recall", "numleak.binding", "numleak.cutoff", "numleak.transmission")
    ve = next(row for row in made.rows if (row.model, row.target) == ("vendor", "ve"))
    assert [words.shown(v) if v else None for v in ve.verdicts] == ["no-evidence", None, None, None]
    assert sum(v is not None for row in made.rows for v in row.verdicts) == len(RUN.verdicts)


# --- terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="width", argvalues=[60, 80, 120])
def test_the_terminal_report_fits_its_width_and_says_every_cell(width: int) -> None:
    lines = list(terminal.lines(RUN, width=width, where={"evidence": "e.jsonl"}, verbose=True))
    assert max(map(len, lines)) <= width
    said = " ".join(lines)
    for verdict in RUN.verdicts:
        assert verdict.cell.key in said
    assert all(c == "\n" or c.isprintable() for c in said)
    assert "evidence: e.jsonl" in lines


def test_the_terminal_names_families_with_their_share_and_size() -> None:
    said = "\n".join(terminal.lines(RUN, width=80, where={}))
    assert "family leakage: 2 leaks among m = 5 gated cells, level .05 (share 1 of .05)" in said


def test_cells_that_could_not_be_tested_for_one_reason_share_one_line() -> None:
    one = BY_WORD["inconclusive"]
    twin = dataclasses.replace(one, cell=dataclasses.replace(one.cell, target="ve"))
    said = "\n".join(terminal.sentences("inconclusive", [one, twin], 80))
    assert said.count("no cutoff is stated") == 1
    assert one.cell.key in said
    assert twin.cell.key in said


def test_many_hypotheses_are_shown_in_blocks_that_keep_every_verdict() -> None:
    base = BY_WORD["no-evidence"]
    many = [
        dataclasses.replace(base, cell=dataclasses.replace(base.cell, hypothesis=f"suite.h{i}", target="t" * 40))
        for i in range(11)
    ]
    lines = list(terminal.table(many, 80))
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).count("no-evidence") == 11


# --- evidence.jsonl -----------------------------------------------------------------------------------------------


def test_evidence_reads_back_as_the_run_that_was_written(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "deep" / "evidence.jsonl", RUN)
    assert jsonl.read(tmp_path / "deep" / "evidence.jsonl") == RUN


def test_evidence_opens_with_the_run_then_a_verdict_a_line_then_the_families(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "e.jsonl", RUN)
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert kinds == ["run", *["verdict"] * len(RUN.verdicts), "family"]


def test_a_number_that_is_not_finite_leaves_the_old_evidence_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    jsonl.write(path, RUN)
    before = path.read_bytes()
    bad = dataclasses.replace(RUN.verdicts[0], statistic=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonl.write(path, dataclasses.replace(RUN, verdicts=(bad,)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_evidence_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    jsonl.write(path, RUN)
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    with pytest.raises(BadSpec, match="cut short"):
        jsonl.read(path)
    path.write_text('{"schema":"seepage-evidence/9"}\n')
    with pytest.raises(BadSpec, match="seepage-evidence/9"):
        jsonl.read(path)


# --- pages --------------------------------------------------------------------------------------------------------


def test_a_page_escapes_what_a_model_wrote() -> None:
    page = pages.verdict_page(BY_WORD["report only"], [(reportkit.HOSTILE, b"<svg/>")]) + pages.run_page(RUN)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_verdicts_page_says_sentence_decision_margin_power_placebos_and_command() -> None:
    verdict = BY_WORD["broken"]
    page = pages.verdict_page(verdict)
    for said in (
        "gives 46 %",
        "judged at .01",
        "margin .1 met",
        "recalled share .18",
        "offset +12",
        verdict.command[:20],
    ):
        assert pages.text(said) in page


def test_the_runs_page_says_who_leaks_in_which_family() -> None:
    page = pages.run_page(RUN)
    assert "Exit status 1" in page
    for key in RUN.families[0].leaks:
        assert pages.text(key) in page


# --- allure files -------------------------------------------------------------------------------------------------


def results(folder: Path) -> dict[str, dict[str, object]]:
    read = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    return {str(result["fullName"]): result for result in read}


def test_cells_without_a_result_of_their_own_get_one(tmp_path: Path) -> None:
    allure_run.write(str(tmp_path), RUN)
    made = results(tmp_path)
    assert set(made) == {v.cell.key for v in RUN.verdicts} | {"seepage.run"}
    statuses = [str(made[v.cell.key]["status"]) for v in RUN.verdicts]
    counted = {status: statuses.count(status) for status in sorted(set(statuses))}
    assert counted == {"broken": 1, "failed": 2, "passed": 2, "skipped": 4}
    assert made["seepage.run"]["status"] == "unknown"


def test_the_verdict_beside_a_result_reads_back_exactly(tmp_path: Path) -> None:
    allure_run.write(str(tmp_path), RUN)
    for verdict in RUN.verdicts:
        entry = next(e for e in results(tmp_path)[verdict.cell.key]["attachments"] if e["name"] == "verdict.json")  # type: ignore[attr-defined]
        assert from_json((tmp_path / entry["source"]).read_text()) == verdict


def test_names_come_from_hypothesis_model_and_target_and_from_nothing_else(tmp_path: Path) -> None:
    first = BY_WORD["leak"]
    moved = dataclasses.replace(first, model_spec="hf:/elsewhere", word="no-evidence", status="passed", pvalue=0.9)
    other = dataclasses.replace(first, cell=dataclasses.replace(first.cell, variant="strict"))
    made = []
    for verdict in (first, moved, other):
        result: dict[str, object] = {}
        allure_files.dress(str(tmp_path), result, verdict)
        made.append((result["testCaseId"], result["historyId"], result["fullName"]))
    assert made[0] == made[1]
    assert made[2][0] != made[0][0]
    assert made[2][1] != made[0][1]


def test_a_result_of_an_earlier_run_in_the_same_folder_is_left_alone(tmp_path: Path) -> None:
    allure_run.write(str(tmp_path), RUN)
    old = {path: path.read_bytes() for path in tmp_path.glob("*-result.json")}
    later = dataclasses.replace(RUN, started="2999-01-01T00:00:00+00:00")
    allure_run.write(str(tmp_path), later)
    assert all(path.read_bytes() == body for path, body in old.items())
    assert len(list(tmp_path.glob("*-result.json"))) == 2 * len(old)


def test_environment_says_what_it_takes_to_run_it_again() -> None:
    text = allure_run.environment(dataclasses.replace(RUN, command="pytest suites -k 'a=b'\nx"))
    facts = dict(line.split(" = ", 1) for line in text.splitlines())
    assert facts["family\\ leakage"] == "level .05, share 1, m 5"
    assert facts["command"] == "pytest suites -k 'a=b' x"
    assert facts["exit\\ status"] == "1"


def test_the_executor_is_named_only_where_a_ci_says_so() -> None:
    github = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "me/it", "GITHUB_RUN_ID": "7", "CI": "true"}
    made = allure_run.continuous_integration(github)
    assert made is not None
    assert made["buildUrl"] == "https://github.com/me/it/actions/runs/7"
    assert allure_run.continuous_integration({"CI": "true"}) == {"name": "CI", "type": "ci"}
    assert allure_run.continuous_integration({}) is None


def test_the_writers_load_neither_matplotlib_nor_allure_before_they_draw() -> None:
    code = (
        "import sys, seepage.reports.allure, seepage.reports.jsonl, seepage.reports.terminal;"
        "print([m for m in ('matplotlib', 'allure', 'allure_commons', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- tools/report.py ----------------------------------------------------------------------------------------------


def report_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_tool", Path(__file__).parents[1] / "tools" / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = (
    '<head><meta charset="utf-8"></head><body><div id="app"></div>'
    '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>\n<script>gtag();</script></body>'
)


def test_a_report_of_no_results_says_what_to_type(tmp_path: Path) -> None:
    tool = str(Path(__file__).parents[1] / "tools" / "report.py")
    done = subprocess.run([sys.executable, tool], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "run `make gate`" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_page_loses_its_web_analytics_and_may_connect_to_nothing() -> None:
    page = report_tool().quiet(PAGE)
    assert "googletagmanager" not in page
    assert "gtag" not in page
    assert "default-src 'none'" in page


def test_a_page_of_another_shape_is_refused_rather_than_sent_with_its_analytics() -> None:
    with pytest.raises(RuntimeError, match="no longer looks as expected"):
        report_tool().quiet(PAGE.replace("googletagmanager", "elsewhere"))


def test_the_terminal_table_shows_one_family_of_hypotheses_at_a_time_with_its_names_whole() -> None:
    prefixes = ["mc_generation"] * 2 + ["numleak"] * 5 + ["mc_generation"]
    assert list(terminal.blocks(prefixes, room=4)) == [[0, 1, 7], [2, 3, 4, 5], [6]]
    assert list(terminal.blocks([], room=4)) == []
