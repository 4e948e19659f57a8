"""Models whose knowledge of a quiz is known, asked through the same requests as a real one.

    oracle = QuizOracle(bench, says=says_gold, picks=picks_gold)     both right
    answers = oracle.ask(recognition.requests(bench, info=oracle.info, policy=policy, seed=0))

says(item, arm) -> the reply to a generated request; picks(item, arm) -> index of the option scored highest, None for no
preference. An oracle reads the tag of a request, never its prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from seepage.benchmarks.record import Benchmark, Item
from seepage.hypotheses.mc_generation_asking import chosen
from seepage.policy import McGenerationPolicy
from seepage.records import Answer, Generate, Generated, ModelInfo, Request, Score, Scored, TokenStats
from seepage.seeds import named_rng

INFO = ModelInfo(spec="stub:quiz", digest=hashlib.sha256(b"stub:quiz").hexdigest(), access=("score", "generate"))
STOCK = "Nothing Known"
Says = Callable[[Item, str], str]
Picks = Callable[[Item, str], int | None]


def quiz(n: int = 200, *, k: int = 4, cluster_size: int = 1, lang: str = "en") -> Benchmark:
    """n invented questions with k options each; gold and options are unique words."""
    items = tuple(
        Item(
            id=f"q-{i}",
            question=f"Which word belongs to number {i}?",
            options=tuple(word(i, j) for j in range(k)),
            gold=i % k,
            cluster="" if cluster_size == 1 else f"passage {i // cluster_size}",
            lang=lang,
            answer_type="name",
            heldout=word(i, k),
        )
        for i in range(n)
    )
    return Benchmark(id="stubs", items=items)


def word(i: int, j: int) -> str:
    """A word of letters that no other (i, j) has."""
    letters = "abcdefghij"
    return ("K" if j % 2 else "Z") + "".join(letters[int(d)] for d in f"{i:04d}") + letters[j] * 2


def chance(item: Item, share: float, *, name: str) -> bool:
    """True on this share of items, decided by name and item alone."""
    return bool(named_rng(f"{name}/{item.id}", seed=0).random() < share)


def any_option(item: Item, arm: str) -> int:
    """A guess among the options: another one in every arm that is asked with another question."""
    return int(named_rng(f"guess/{arm.partition('.')[0]}/{item.id}", seed=0).integers(len(item.options)))


def gold_text(item: Item, _arm: str) -> str:
    return item.accepted[0]


def stock_text(_item: Item, _arm: str) -> str:
    return STOCK


def gold_place(item: Item, arm: str) -> int | None:
    """Knows the answer to a question; after the stem alone it guesses."""
    return any_option(item, arm) if arm.startswith(("stem", "letterstem")) else item.gold


class QuizOracle:
    def __init__(
        self, bench: Benchmark, *, says: Says, picks: Picks, policy: McGenerationPolicy, seed: int = 0
    ) -> None:
        self.items = {item.id: item for item in chosen(bench, policy=policy, seed=seed).items}
        self.says, self.picks = says, picks

    def ask(self, plan: Mapping[str, Request]) -> dict[str, Answer]:
        return {tag: self.answer(tag, request) for tag, request in plan.items()}

    def answer(self, tag: str, request: Request) -> Answer:
        arm, _, name = tag.partition("/")
        item = self.items[name]
        if isinstance(request, Generate):
            text = self.says(item, arm)
            others = (text,) * (max(request.samples, request.beams) - 1)
            return Generated(text, "stop" if text else "end", max(1, len(text.split())), others)
        assert isinstance(request, Score)
        return self.scored(item, arm, request)

    def scored(self, item: Item, arm: str, request: Score) -> Scored:
        pick = self.picks(item, arm.removeprefix("again") or "text")
        order = list(range(len(request.continuations)))
        if arm == "again":
            order = order[::-1]
        elif arm.startswith("letter"):
            shift, k = int(arm.partition(".")[2]), len(item.options)
            order = [(letter - shift) % k for letter in range(k)]
        sums = [-1.0 if pick is not None and option == pick else -9.0 for option in order]
        if arm == "stem":  # half as sure without the question, so that pmi prefers what the question tells
            sums = [value / 2 for value in sums]
        return Scored(tuple(sums), tuple(stats(value) for value in sums) if request.detail == "tokens" else ())


def stats(value: float) -> TokenStats:
    return TokenStats((int(-value),), ((0, 1),), (value,), (0 if value > -5 else 500,), (-3.0,), (1.0,))
