"""The shipped suite asks another model of the run for its recall, as a placebo."""

import json

CONFTEST = """
import hashlib
import numpy as np
from seepage.hypotheses.numleak_cutoff_rates import white
from seepage.records import Generated, ModelInfo, digest

class Talker:
    def __init__(self, spec):
        self.info = ModelInfo(spec=spec, digest=digest([spec]), access=("generate",), chat="chat" in spec)

    def answers(self, requests):
        for index, request in enumerate(requests):
            drawn = hashlib.sha256((self.info.spec + request.prompt).encode()).digest()[0]
            yield index, Generated(f"{drawn / 256 - .5:.2f}", "stop", 4)

    def close(self):
        pass

def pytest_seepage_open_model(spec, config):
    return Talker(spec) if spec.startswith("talks:") else None

def pytest_seepage_open_series(spec, config):
    return white(np.random.default_rng(1)) if spec.startswith("toy:") else None
"""

TABLE = """
[tool.pytest.ini_options]
[tool.seepage]
controls = false
models = ["talks:one_chat", "talks:two_base", "talks:three_chat"]
series = ["toy:white"]
[tool.seepage.numleak]
dates = 40
phrasings = 0
"""


def test_the_first_other_model_of_the_same_form_is_asked(pytester):
    pytester.makeconftest(CONFTEST)
    (pytester.path / "pyproject.toml").write_text(TABLE)
    result = pytester.runpytest_subprocess("--pyargs", "seepage.suites", "-k", "transmission", "-p", "no:xdist")
    assert result.parseoutcomes()["skipped"] == 3
    lines = (pytester.path / ".seepage/evidence.jsonl").read_text().splitlines()
    rows = {row["cell"]["model"]: row for row in map(json.loads, lines) if row["kind"] == "verdict"}
    beside = {name: [n for n in row["notes"] if n.startswith("beside it")] for name, row in rows.items()}
    assert beside["two_base"] == []
    assert [note.split()[2] for note in beside["one_chat"] + beside["three_chat"]] == ["three_chat", "one_chat"]
    assert {row["reason"] for row in rows.values()} == {"report only"}
