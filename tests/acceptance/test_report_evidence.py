"""Evidence and pictures of real runs of the plugin, as the house of the acceptance tests runs them."""

from __future__ import annotations

from pathlib import Path

from house import HYPOTHESIS, House

from seepage.reports import jsonl, words

IMPORT = "\nfrom seepage.records import Figure\n"
PICTURE = """figures=(
        Figure("histogram", "null", "share", "draws", {"values": [0.0, .1], "observed": effect or float("nan")}),
    )"""


def test_evidence_reads_back_and_names_what_judging_again_takes(house: House) -> None:
    house.configure({"leaky": "p=.0001&effect=.5", "quiet": "p=.5"})
    where = house.run().path
    run = jsonl.read(where / ".seepage" / "evidence.jsonl")
    assert words.counts(run.verdicts) == {"leak": 1, "no-evidence": 1}
    assert run.exit_status == 1
    assert Path(run.store).name == "answers.sqlite"
    assert (where / run.store).is_file()
    for verdict in run.verdicts:
        assert verdict.model_digest
        assert verdict.target_digest
        assert verdict.policy_digest
        assert "--seepage" in verdict.command or "pytest" in verdict.command
        assert verdict.versions["seepage"]


def test_a_picture_that_cannot_be_drawn_breaks_its_own_cell_and_no_other(house: House) -> None:
    house.configure({"leaky": "p=.0001&effect=.5", "quiet": "p=.5"})
    house.write("echo.py", HYPOTHESIS.replace("return Outcome(", f"return Outcome({PICTURE},") + IMPORT)
    read = house.run()
    assert read.words == {"leaky-a": "leak", "quiet-a": "broken"}
    assert "finite numbers" in read.evidence["toy.echo[quiet-a]"]["sentence"]
    read.agree()
