"""A compressed twin beside its dense model: who takes part, who is asked, who decides, on which worker."""

import pytest

PAIR = """
from seepage.records import Effect, Outcome, Score

def requests(bench, *, info, policy, rng):
    return {item.id: Score(f"{bench.id} {item.id}", ("p", "effect", "mde", "placebo"), detail="sums")
            for item in bench.items}

def judge(bench, answers, dense=None, *, info, policy, alpha, rng):
    p, effect, _, _ = answers["i0"].sums
    lost = effect - (dense["i0"].sums[1] if dense else 0.0)
    return Outcome(finding=f"lost {lost:g} of {bench.id} at tier {policy.tier}", n=len(answers), statistic_name="drop",
                   statistic=lost, pvalue=p, effects=(Effect("drop", lost, margin=.1),))
"""

PAIRS = """
import pytest
import pair

@pytest.mark.seepage("mc_generation.recognition", axes=("model", "bench"), family="mc_generation",
                     gated_if=("dense", "mc_generation.answerer"))
def test_recognition_only(model, bench, cell, ask, judge):
    plan = pair.requests(bench, info=model.info, policy=cell.policy.mc_generation, rng=cell.rng())
    verdict = judge(pair.judge, bench, ask(plan))
    assert not verdict.leak, verdict.sentence

@pytest.mark.seepage("mc_generation.compression", axes=("model", "bench"), family="mc_generation", facts=("dense",))
def test_compression(model, dense, bench, cell, ask, judge):
    plan = pair.requests(bench, info=model.info, policy=cell.policy.mc_generation, rng=cell.rng())
    verdict = judge(pair.judge, bench, ask(plan), ask(plan, of=dense))
    assert not verdict.leak, verdict.sentence
"""

BENCH = """
import seepage.benchmarks.record as record

def pytest_seepage_open_benchmark(spec, config):
    if spec.startswith("toy:"):
        return record.Benchmark(spec[4:], tuple(record.Item(f"i{n}", "?") for n in range(3)))

def told(self):
    with open("closed.txt", "a") as log:
        log.write(self.info.spec + "\\n")

Stub.close = told
"""

QUIET, LEAK = "p=.5", "p=.0001&effect=.5"


@pytest.fixture
def pairs(house):
    """A house in which models meet benchmarks. write(models, extra) -> pyproject.toml; models: id -> (spec, facts)."""
    house.write("conftest.py", (house.pytester.path / "conftest.py").read_text() + BENCH)
    for name, text in (("pair.py", PAIR), ("test_echo.py", PAIRS)):
        house.write(name, text)

    def configure(models, *, extra="", benches=("a",)):
        lines = ["[tool.pytest.ini_options]", "[tool.seepage]", "controls = false"]
        for name, (spec, facts) in models.items():
            lines += ["[[tool.seepage.models]]", f'id = "{name}"', f'spec = "stub:{spec}"', facts]
        for name in benches:
            lines += ["[[tool.seepage.benchmarks]]", f'id = "{name}"', f'spec = "toy:{name}"']
        house.write("pyproject.toml", "\n".join([*lines, extra]))
        return house

    return configure


def words(read):
    return {key.removeprefix("mc_generation."): row["word"] for key, row in read.evidence.items()}


def test_a_twin_is_judged_beside_its_dense_model_and_replayed(pairs):
    house = pairs({"big": ("p=.5&effect=.1", ""), "small": ("p=.0001&effect=.5", 'dense = "big"')})
    read = house.run()
    assert words(read) == {
        "recognition[big-a]": "inconclusive",
        "recognition[small-a]": "leak",
        "compression[small-a]": "leak",
    }
    row = read.evidence["mc_generation.compression[small-a]"]
    assert row["statistic"] == pytest.approx(0.4)
    assert "at tier standard" in row["sentence"]
    (note,) = row["notes"]
    assert note.startswith("beside it big was asked: stub:p=.5&effect=.1, digest ")
    assert note.rpartition(" ")[2] in read.evidence["mc_generation.recognition[big-a]"]["model_digest"]
    assert len(house.asked()) == 6  # three items, two models: what one cell asked the next one reads

    replayed = house.run("--seepage-replay", ".seepage/answers.sqlite", "--seepage-store", "unused.sqlite")
    assert words(replayed) == words(read)
    again = replayed.evidence["mc_generation.compression[small-a]"]
    assert (again["statistic"], again["notes"]) == (row["statistic"], row["notes"])
    assert len(house.asked()) == 6
    alone = house.run("-k", "compression", "--seepage-store", "other.sqlite")
    assert alone.evidence["mc_generation.compression[small-a]"]["notes"] == row["notes"]
    assert len(house.asked()) == 12


def test_replay_without_the_dense_models_answers_is_broken_and_names_them(pairs):
    house = pairs({"big": (QUIET, ""), "small": ("p=.4", 'dense = "big"')})
    house.run("-k", "recognition and small")
    read = house.run("-k", "small", "--seepage-replay", ".seepage/answers.sqlite")
    assert words(read) == {"recognition[small-a]": "no-evidence", "compression[small-a]": "broken"}
    assert "holds no answers of 'stub:p=.5'" in read.evidence["mc_generation.compression[small-a]"]["reason"]


def test_one_model_holds_weights_at_a_time(pairs):
    house = pairs({"big": (QUIET, ""), "small": ("p=.4", 'dense = "big"')}, benches=("a", "b"))
    house.run("-k", "compression", workers=False)
    asked = [line.split(" ", 2)[1].removeprefix("stub:") for line in house.asked()]
    assert asked == 3 * ["p=.4"] + 3 * ["p=.5"] + 3 * ["p=.4"] + 3 * ["p=.5"]
    closed = (house.pytester.path / "closed.txt").read_text().split()
    assert closed[:3] == ["stub:p=.4", "stub:p=.5", "stub:p=.4"]  # the one that was asked before, each time
    assert sorted(closed[3:]) == ["stub:p=.4", "stub:p=.5"]  # at the end of the session


def test_a_dense_model_that_is_missing_breaks_the_twins_cell_alone(pairs):
    house = pairs({"big": ("missing=nowhere", ""), "small": (QUIET, 'dense = "big"'), "other": ("p=.6", "")})
    read = house.run()
    assert words(read) == {
        "recognition[big-a]": "broken",
        "recognition[small-a]": "no-evidence",
        "compression[small-a]": "broken",
        "recognition[other-a]": "inconclusive",
    }
    assert "no model at nowhere" in read.evidence["mc_generation.compression[small-a]"]["reason"]


GRID = '[tool.seepage.mc_generation]\nmethods = ["wanda"]\nsparsities = [0.3, 0.5]\nbits = [4]\npatterns = []'


def test_twins_of_the_grid_stand_behind_their_dense_model_on_one_worker(pairs):
    models = {
        "late": ("p=.31", 'dense = "big"'),
        "one": ("p=.32", ""),
        "big": ("x=0?p=.9", "twins = true"),
        "two": ("p=.33", ""),
    }
    house = pairs(models, extra=GRID)
    read = house.run()
    twins = ["late", "big.wanda30", "big.wanda50", "big.rtn4"]
    keys = [key.removeprefix("mc_generation.") for key in read.evidence]
    expected = ["recognition[big-a]"]
    for twin in twins:
        expected += [f"recognition[{twin}-a]", f"compression[{twin}-a]"]
    assert keys == [*expected, "recognition[one-a]", "recognition[two-a]"]
    spec = read.evidence["mc_generation.compression[big.wanda30-a]"]["model_spec"]
    assert spec == "stub:x=0?p=.9&prune=wanda&sparsity=0.3"
    workers = {line.split(" ", 2)[1]: line.split(" ", 1)[0] for line in house.asked()}
    group = {worker for spec, worker in workers.items() if spec not in ("stub:p=.32", "stub:p=.33")}
    assert len(workers) == 7
    assert len(group) == 1
    if house.xdist[0] == "-n":
        assert len(set(workers.values())) == 2


def test_report_only_cells_are_not_in_the_family_and_fail_nothing(pairs):
    models = {"big": (LEAK, ""), "small": ("p=.4", 'dense = "big"')}
    house = pairs(models)
    house.write(
        "pyproject.toml",
        (house.pytester.path / "pyproject.toml")
        .read_text()
        .replace("controls = false", 'controls = false\non_inconclusive = "fail"'),
    )
    read = house.run()
    assert read.agree() == {"skipped": 1, "passed": 2}
    row = read.evidence["mc_generation.recognition[big-a]"]
    assert (row["word"], row["reason"], row["report_only"]) == ("inconclusive", "report only", True)
    cells = {key: row["cell"] for key, row in read.evidence.items()}
    assert {cell["m"] for key, cell in cells.items() if "small" in key} == {2}
    assert not cells["mc_generation.recognition[big-a]"]["gated"]

    house = pairs(models, extra="[tool.seepage.mc_generation]\nanswerer = true")
    read = house.run()
    assert words(read)["recognition[big-a]"] == "leak"
    assert {row["cell"]["m"] for row in read.evidence.values()} == {3}
    assert read.exit_code == 1


def test_controls_of_a_claim_that_is_gated_for_some_stay_gated(pairs):
    models = {
        "pos": (LEAK, 'role = "positive-control"'),
        "neg": (QUIET, 'role = "negative-control"'),
        "ref": ("p=.0002&effect=.5", 'role = "reference"'),
        "mine": ("p=.4", 'dense = "neg"'),
    }
    house = pairs(models)
    read = house.run("-k", "recognition")
    assert read.agree() == {"xfailed": 2, "passed": 2}
    assert {row["cell"]["m"] for row in read.evidence.values()} == {1}
    assert all(row["cell"]["gated"] for row in read.evidence.values())


OTHERS = """
import pytest
import pair

@pytest.mark.seepage("mine.placebo", axes=("model", "bench"))
def test_placebo(model, others, bench, cell, ask, judge):
    plan = pair.requests(bench, info=model.info, policy=cell.policy, rng=cell.rng())
    answers, other = ask(plan), next(others, None)
    verdict = judge(pair.judge, bench, answers, ask(plan, of=other) if other else None)
    assert not verdict.leak, verdict.sentence
"""


def test_others_are_models_of_the_same_world_that_open_and_are_no_kin(pairs):
    models = {
        "gone": ("missing=nowhere", ""),
        "big": (QUIET, ""),
        "small": ("p=.4", 'dense = "big"'),
        "away": ("p=.41", 'world = "quiz"'),
        "next": ("p=.42", ""),
    }
    house = pairs(models)
    house.write(
        "test_echo.py",
        OTHERS.replace("judge(pair.judge", "judge(tell").replace(
            "import pair\n",
            "import pair\ndef tell(*args, policy, **more):\n"
            "    return pair.judge(*args, policy=policy.mc_generation, **more)\n",
        ),
    )
    read = house.run()
    notes = {key: [note.split()[2] for note in row["notes"]] for key, row in read.evidence.items()}
    assert notes == {
        "mine.placebo[gone-a]": [],
        "mine.placebo[big-a]": ["next"],
        "mine.placebo[small-a]": ["next"],
        "mine.placebo[next-a]": ["big"],
    }


BAD = {
    "no such model": (
        {"small": (QUIET, 'dense = "large"'), "big": ("p=.4", "")},
        "names no model of this run*are: big",
    ),
    "a twin of a twin": (
        {"a": (QUIET, ""), "b": (QUIET + "1", 'dense = "a"'), "c": (QUIET + "2", 'dense = "b"')},
        "dense = 'b' of the model 'c' names a twin of 'a'",
    ),
    "an id that is taken": (
        {"a": (QUIET, "twins = true"), "a.wanda30": ("p=.1", "")},
        "both have the id 'a.wanda30'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_a_pair_is_an_error_that_says_why(pairs, bad):
    models, message = bad
    house = pairs(models, extra=GRID)
    result = house.pytester.runpytest_subprocess("test_echo.py", *house.xdist)
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*BadSpec: *{message}*"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_test_that_asks_for_the_dense_model_of_a_model_without_one_is_broken(pairs):
    house = pairs({"big": (QUIET, "")})
    house.write("test_echo.py", PAIRS.replace(', facts=("dense",)', ""))
    read = house.run("-k", "compression")
    assert words(read) == {"compression[big-a]": "broken"}
    assert 'mark the test with facts=("dense",)' in read.evidence["mc_generation.compression[big-a]"]["reason"]
