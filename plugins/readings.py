"""The terminal's counts and the JUnit file say of each cell what its final verdict says.

A test is reported while it runs; its family and its controls are judged at the end. What changed by then is moved here.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

from seepage.records import Verdict
from seepage.verdicts import headline, to_json

if TYPE_CHECKING:
    from _pytest.junitxml import LogXML

SHOWN = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
TAGS = {"passed": None, "failed": "failure", "error": "error", "skipped": "skipped", "xfailed": "skipped"}


def agree(config: pytest.Config, verdicts: Mapping[str, Verdict], *, unjudged: Set[str] = frozenset()) -> None:
    """verdicts: by node id, without @group.  unjudged: cells that were interrupted or never ran."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None:
        agree_terminal(terminal, verdicts)
    junit = config.stash.get(xml_key, None)
    if junit is not None:
        forget_in_junit(junit, unjudged)
        agree_junit(junit, verdicts)


# --- terminal ------------------------------------------------------------------------------------------------------


def agree_terminal(terminal: Any, verdicts: Mapping[str, Verdict]) -> None:
    """One report a cell, under the category of its verdict."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for category in SHOWN:
        for report in terminal.stats.get(category, ()):
            found.setdefault(getattr(report, "nodeid", ""), []).append((category, report))
    for nodeid, verdict in verdicts.items():
        shown = found.get(nodeid, [])
        if [category for category, _ in shown] == [verdict.status] or not shown:
            continue
        for category, report in shown:
            terminal.stats[category].remove(report)
            if not terminal.stats[category]:
                del terminal.stats[category]  # the colour of the last line goes by the keys
        terminal._add_stats(verdict.status, [reported(shown[0][1], verdict)])
    terminal._set_main_color()


def reported(report: pytest.TestReport, verdict: Verdict) -> pytest.TestReport:
    """The report as it would have been, had the verdict been known when the test ended."""
    said, made = headline(verdict), copy.copy(report)
    made.__dict__.pop("wasxfail", None)
    made.when, made.longrepr = "call", None
    if verdict.status in ("failed", "error"):
        made.outcome, made.longrepr = "failed", said
    elif verdict.status == "passed":
        made.outcome = "passed"
    else:
        made.outcome, made.longrepr = "skipped", (report.location[0], report.location[1] or 0, f"Skipped: {said}")
        if verdict.status == "xfailed":
            made.wasxfail = said
    return made


# --- JUnit ---------------------------------------------------------------------------------------------------------


def agree_junit(junit: LogXML, verdicts: Mapping[str, Verdict]) -> None:
    """One testcase a cell, with the element of its verdict and the verdict itself as property."""
    by_key = {verdict.cell.key: verdict for verdict in verdicts.values()}
    seen: set[str] = set()
    for reporter in list(junit.node_reporters_ordered):
        key = frozen_key(reporter, verdicts)
        if key not in by_key:
            continue
        case = reporter.to_xml()
        if key in seen:  # a failed call and a failed teardown make two
            junit.node_reporters_ordered.remove(reporter)
            junit.stats[state_of(case)] -= 1
            continue
        seen.add(key)
        rewrite(junit, case, by_key[key])


def forget_in_junit(junit: LogXML, unjudged: Set[str]) -> None:
    """pytest opens a testcase when its setup ends; of one that was interrupted after that it would say `passed`."""
    kept = [r for r in junit.node_reporters_ordered if str(r.__dict__.get("id", "")) not in unjudged]
    junit.node_reporters_ordered[:] = kept


def frozen_key(reporter: Any, verdicts: Mapping[str, Verdict]) -> str:
    """The cell's key of a reporter, which is closed if it was not: a dead worker's never is."""
    if "id" in reporter.__dict__:
        verdict = verdicts.get(str(reporter.id))
        if verdict is None:
            return ""
        reporter.finalize()
        return verdict.cell.key
    for node in reporter.to_xml().iterfind("properties/property[@name='seepage']"):
        return key_of(node.get("value", ""))
    return ""


def key_of(text: str) -> str:
    from seepage.verdicts import from_json

    return from_json(text, Verdict).cell.key


def rewrite(junit: LogXML, case: ET.Element, verdict: Verdict) -> None:
    before, after = state_of(case), TAGS[verdict.status] or "passed"
    if before != after:
        said = verdict.sentence
        for node in [node for node in case if node.tag in ("failure", "error", "skipped")]:
            said = f"{said}\n\n{node.text}" if node.text else said  # the traceback stays
            case.remove(node)
        if after != "passed":
            node = ET.SubElement(case, after, message=headline(verdict))
            node.text = said
            if after == "skipped":
                node.set("type", "pytest.xfail" if verdict.status == "xfailed" else "pytest.skip")
        junit.stats[before] -= 1
        junit.stats[after] += 1
    elif after == "error":
        for node in case.findall("error"):
            node.set("message", headline(verdict))  # pytest says "failed on setup" of whatever is no failure
    properties = case.find("properties")
    if properties is None:
        properties = ET.Element("properties")
        case.insert(0, properties)
    for node in properties.findall("property[@name='seepage']"):
        properties.remove(node)
    ET.SubElement(properties, "property", name="seepage", value=to_json(verdict))


def state_of(case: ET.Element) -> str:
    return next((tag for tag in ("error", "failure", "skipped") if case.find(tag) is not None), "passed")


# --- Allure --------------------------------------------------------------------------------------------------------


def forget_in_allure(item: pytest.Item) -> None:
    """The same in allure-pytest: a test that is interrupted would be written with the status of its setup."""
    listener: Any = item.config.pluginmanager.get_plugin("allure_listener")
    uuid = listener._cache.pop(item.nodeid) if listener is not None else None
    if uuid:
        listener.allure_logger.drop_test(uuid)
