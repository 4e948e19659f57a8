"""The words that every layer shares: frozen, flat records.

A hypothesis turns a series or a benchmark into *requests*, a model turns requests into *answers*, `judge` turns answers
into an *outcome*, and policy turns an outcome into a *verdict*. Log-probabilities are nats everywhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Word = Literal["leak", "no-evidence", "inconclusive", "broken"]
Status = Literal["passed", "failed", "skipped", "xfailed", "error"]
Role = Literal["candidate", "reference", "positive-control", "negative-control"]
ROLES: tuple[Role, ...] = ("candidate", "reference", "positive-control", "negative-control")
KINDS = ("rephrased", "synthetic", "same_task")  # of a benchmark that another one's score is predicted from


def digest(content: Any) -> str:
    """SHA-256 of the canonical JSON of plain content: the same content has the same digest on every machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- what may be asked of a model --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """Log-probabilities of each continuation after one prompt.

    chat: send the prompt as a user turn through the model's chat template; continuations follow the assistant header.
    detail: `tokens` keeps one `TokenStats` a continuation; `sums` keeps only the sum of log-probs of each continuation
            (a value matrix has half a million continuations, and their tokens are never looked at).
    """

    prompt: str
    continuations: tuple[str, ...]
    chat: bool = False
    system: str | None = None
    detail: Literal["tokens", "sums"] = "tokens"


@dataclass(frozen=True, slots=True)
class Generate:
    """Continuation of one prompt, cut at the first stop string. Tools, retrieval and reasoning text are off.

    Greedy unless asked otherwise. beams: width of a beam search (length penalty 1) that returns every final beam.
    samples: this many draws at `temperature` from the full distribution (top_p 1, top_k 0), reproducible from `seed`.
    """

    prompt: str
    max_new_tokens: int = 12
    stop: tuple[str, ...] = ("\n",)
    chat: bool = False
    system: str | None = None
    beams: int = 1
    samples: int = 0
    temperature: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Layers:
    """Log-probs of a few single-token targets after each layer, through the final norm and the head."""

    prompt: str
    targets: tuple[str, ...]
    chat: bool = False
    system: str | None = None


Request = Score | Generate | Layers


# fields of requests that came after answers had been stored, with their defaults
LATER: Mapping[str, Any] = MappingProxyType({"beams": 1, "samples": 0, "temperature": 1.0, "seed": 0})


def request_digest(request: Request) -> str:
    """The store's key for a request: its kind and every field, nothing else.

    A field that came later counts only where it differs from its default, so that answers stored before it are found.
    """
    stated = {k: v for k, v in dataclasses.asdict(request).items() if k not in LATER or v != LATER[k]}
    return digest({"kind": type(request).__name__, **stated})


# --- what a model gives back --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenStats:
    """One continuation, token by token; all tuples have the same length.

    spans: character span of each token within the continuation.
    logprob: log p(token), nats.  rank: 0 = the model's first choice.
    mean, std: of log p under the model's full distribution at that position, nats (Min-K%++ needs both).
    """

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    logprob: tuple[float, ...]
    rank: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """Answer to `Score`. sums: [n_continuations], nats. tokens: one each, or empty where `detail` is `sums`."""

    sums: tuple[float, ...]
    tokens: tuple[TokenStats, ...] = ()


@dataclass(frozen=True, slots=True)
class Generated:
    """Answer to `Generate`. stopped: `stop` (a stop string), `end` (end of text) or `length` (cut off).

    others: the further final beams, best first, or the further samples, in the order drawn.
    """

    text: str
    stopped: Literal["stop", "end", "length"]
    n_tokens: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layered:
    """Answer to `Layers`. logprob[layer][target], nats; layer 0 is the first block's output."""

    logprob: tuple[tuple[float, ...], ...]


Answer = Scored | Generated | Layered


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is, before it is asked anything; stored beside its answers.

    spec: as the user wrote it.  digest: of weights or revision, tokenizer and dtype: the key of its answers.
    chat: its tokenizer has a chat template.  end_of_turn: what closes an assistant turn, as text.
    access: kinds of request it can answer: "score", "generate", "layers".
    tokenizer: digest of tokenizer and chat template: a pair is compared only where it is the same.
    derived: what made it from the model of its spec ("wanda .5, ..."), "" for a model as it came.
    zeros: share of the pruned matrices' weights that are zero, None where nothing was pruned.
    """

    spec: str
    digest: str
    chat: bool = False
    end_of_turn: str = ""
    system_role: bool = False
    access: tuple[str, ...] = ("score", "generate", "layers")
    dtype: str = "float32"
    n_parameters: int | None = None
    context: int | None = None
    tokenizer: str = ""
    derived: str = ""
    zeros: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


# --- the axes, as a user enters them ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One model, series or benchmark of a run.

    role: one role, or one by hypothesis and `default`: {"default": "reference", "numleak.binding": "positive-control"}.
    world: models meet only series and benchmarks of their own world: `embedded` (the organisms) or `real`.
    facts: what the user states: cutoff (list of YYYY-MM), released, params, train_tokens, lineage, stage.
    """

    id: str
    spec: str
    role: str | Mapping[str, str] = "candidate"
    world: str = "real"
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A model as its panel sees it. role: in this cell.  name: in its table of scores.  facts: what is stated of it."""

    id: str
    name: str
    role: str = "candidate"
    facts: Mapping[str, Any] = field(default_factory=dict)


# --- what a statistic returns -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect in its unit, with its interval and the margin that policy asks for (None: shown, never gates).

    decides: what must reach the margin: the `value`, or the lower end of the interval, `low`, which must exceed it.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    unit: str = ""
    decides: Literal["value", "low"] = "value"

    @property
    def met(self) -> bool:
        if self.margin is None:
            return False
        if self.decides == "low":
            return self.low is not None and self.low > self.margin
        return self.value >= self.margin


@dataclass(frozen=True, slots=True)
class Detectable:
    """Smallest effect found in 80 % of runs, and the largest that policy accepts for a `no-evidence`."""

    name: str
    value: float
    limit: float | None = None
    unit: str = ""

    @property
    def enough(self) -> bool:
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Placebo:
    """A place where nothing may be found. fired: the whole rule passed there."""

    name: str
    fired: bool
    pvalue: float | None = None
    effect: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows a reader may take away as CSV. cells: str, int, float or None."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What to draw, never how: a declarative picture that `reports` renders.

    kind, with content keys:
      histogram  values [n], observed float
      lines      x [n], curves {name: [n]}, bands {name: [[n], [n]]}, marks {name: x}
      scatter    groups {name: [[n], [n]]}, diagonal bool
      steps      sorted values [n] over their share of n, zero line at the value `zero`
      bars       labels [n], groups {name: [n]}, errors {name: [[n] low, [n] high]}: bounds, not lengths;
                 level {name: y}: one line across
      counts     rows [n], columns [m], values [n][m]: whole numbers, each written in its square
      forest     labels [n], values, low, high [n]; band [low, high] across, marks {name: x}: the first label on top
      bump       labels [n], before, after [n] ranks; before_range, after_range [n][2]; bold [n]
    `log` in the content of lines and scatter: axes that run in powers of ten, "x", "y" or "xy".
    `caption` in any content: what to see, one sentence; some kinds make their own from the figures.
    All content is lists of plain floats; None is a gap.
    """

    kind: Literal["histogram", "lines", "scatter", "steps", "bars", "counts", "forest", "bump"]
    title: str
    x: str
    y: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statistic says, before any policy.

    finding: the sentence's middle, in plain words and figures: "gives 46 % of the values of qo within .5; the best
             forecaster gets 9 %".
    claim: what there is, or is no, evidence of: the sentence says it.
    require: whether `any` of the effects with a margin must meet it for a leak, or `all` of them.
    gated: a report-only outcome carries no p into a family.
    inconclusive: the precondition that failed, "" where none did: the outcome is shown and decides nothing.
    """

    finding: str
    n: int
    statistic_name: str
    statistic: float
    pvalue: float | None
    effects: tuple[Effect, ...] = ()
    detectable: tuple[Detectable, ...] = ()
    placebos: tuple[Placebo, ...] = ()
    gated: bool = True
    claim: str = "a leak"
    require: Literal["any", "all"] = "any"
    inconclusive: str = ""
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()


# --- what a run decides -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One test of a run: who is asked what, at which level.

    key: stable name, `hypothesis[model-target]` or `hypothesis[model-target-variant]`; seeds derive from it.
    alpha: the level this cell is judged at before Holm (alpha * share / m).  m: size of the family in this run.
    """

    hypothesis: str
    model: str
    target: str
    variant: str = ""
    role: Role = "candidate"
    family: str = "leakage"
    gated: bool = True
    alpha: float = 0.05
    m: int = 1
    share: float = 1.0
    weight: float = 1.0
    seed: int = 0
    severity: str = "critical"

    @property
    def key(self) -> str:
        return f"{self.hypothesis}[{'-'.join(filter(None, (self.model, self.target, self.variant)))}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome + policy + who, what, when. Plain types only: it travels from worker to controller as JSON.

    adjusted: Holm-adjusted p, known to the controller only.  reason: why, where the word is not `leak`.
    status: how pytest counts it, after role and policy: terminal, JUnit, Allure and exit code all read this one field.
    """

    cell: Cell
    word: Word
    sentence: str
    reason: str = ""
    status: Status = "error"
    pvalue: float | None = None
    adjusted: float | None = None
    statistic_name: str = ""
    statistic: float | None = None
    n: int = 0
    effects: tuple[Effect, ...] = ()
    detectable: tuple[Detectable, ...] = ()
    placebos: tuple[Placebo, ...] = ()
    report_only: bool = False
    claim: str = "a leak"
    require: Literal["any", "all"] = "any"
    notes: tuple[str, ...] = ()
    model_spec: str = ""
    model_digest: str = ""
    target_spec: str = ""
    target_digest: str = ""
    policy_digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    started: str = ""
    seconds: float = 0.0

    @property
    def leak(self) -> bool:
        return self.word == "leak"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of a run, after weighted Holm. leaks: keys of the gated candidates' cells that leak."""

    name: str
    alpha: float
    share: float
    m: int
    leaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as the controller hands it to every writer: all of them count the same verdicts.

    out: folder of evidence.jsonl.
    """

    verdicts: tuple[Verdict, ...]
    families: tuple[Family, ...]
    alpha: float
    exit_status: int
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    started: str = ""
    seconds: float = 0.0
    store: str = ""
    out: str = ""
