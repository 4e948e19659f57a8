"""What mc_generation asks of a model about one benchmark, arm by arm.

    "open/q-17"      Generate("Question: What is the capital of Zorvath?\\nAnswer:")
    "text/q-17"      Score(the same prompt, (" Belmun", " Tarqi", " Soll", " Ervash", " Ondor")), the last held out
    "letter.2/q-17"  Score("Question: ...\\nA. Soll\\nB. Ervash\\nC. Belmun\\nD. Tarqi\\nAnswer:", (" A", ...))

Nothing here depends on the model but the form of a reply: a twin and its dense original are asked the same, and what a
draw decides (items, orders, examples) hangs on the benchmark, the item and the policy's seed alone. After section 5 of
the design of Wen et al., The Benchmark Illusion, arXiv 2606.17609, whose own wordings are not published.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..answers import same_answer
from ..benchmarks.build import with_options
from ..benchmarks.record import Benchmark, Item, cluster_numbers
from ..errors import NotTestable
from ..policy import McGenerationPolicy
from ..records import Generate, ModelInfo, Request, Score
from ..seeds import named_rng
from . import mc_generation_prompts as prompts

SMOKE = ("text", "stem", "open", "again")
STANDARD = (*SMOKE, "letter", "letterstem", "format", "shown", "withheld", "shot", "null")
ARMS: Mapping[str, tuple[str, ...]] = {"smoke": SMOKE, "standard": STANDARD, "deep": (*STANDARD, "sample", "beam")}
LEAST_ITEMS, LEAST_CLUSTERS = 100, 20
SHOTS = 3
MOST_SHIFTS = 8  # of an item's letters: each option once under each letter, up to eight options
AGAIN_SCORED, AGAIN_GENERATED = 200, 40  # items asked once more in another shape


def chosen(bench: Benchmark, *, policy: McGenerationPolicy, seed: int) -> Benchmark:
    """The items that are asked, each with options and a held-out distractor; at most `policy.items`, drawn by lot.

    Raises NotTestable with fewer than 100 items or 20 clusters, or where items cannot have options (benchmarks.build).
    """
    if len(bench) < LEAST_ITEMS:
        raise NotTestable(f"mc_generation needs >= {LEAST_ITEMS} items, {bench.id} has {len(bench)}.")
    name = f"mc_generation/{bench.digest}"
    built = with_options(bench, leave_out=True, rng=named_rng(f"{name}/options", seed=seed))
    if len(built) > policy.items:
        drawn = np.sort(named_rng(f"{name}/items", seed=seed).choice(len(built), policy.items, replace=False))
        built = dataclasses.replace(built, items=tuple(built.items[i] for i in drawn))
    if len(built) < LEAST_ITEMS:
        raise NotTestable(
            f"mc_generation needs >= {LEAST_ITEMS} items, {bench.id} leaves {len(built)}: {built.source}."
        )
    n_clusters = len(set(cluster_numbers(built.items)))
    if n_clusters < LEAST_CLUSTERS:
        raise NotTestable(
            f"the {len(built)} items of {bench.id} lie in {n_clusters} clusters; mc_generation needs >= "
            f"{LEAST_CLUSTERS}, for items of one passage are not independent."
        )
    return built


def requests(bench: Benchmark, *, info: ModelInfo, policy: McGenerationPolicy, seed: int) -> dict[str, Request]:
    """Every request of the policy's tier, tagged "arm/item".

    Raises NotTestable where the model gives no log-probs or no text, or the benchmark cannot be tested (`chosen`).
    """
    lacking = [kind for kind in ("score", "generate") if kind not in info.access]
    if lacking:
        raise NotTestable(
            f"{info.spec} answers {', '.join(info.access) or 'nothing'}; mc_generation also needs "
            f"{' and '.join(lacking)}."
        )
    asked = chosen(bench, policy=policy, seed=seed)
    arms = ARMS[policy.tier]
    plan: dict[str, Request] = {}
    for at, item in enumerate(asked.items):
        plan |= dict(_scored(item, arms, chat=info.chat, policy=policy))
        plan |= dict(_generated(item, arms, asked.items, chat=info.chat, policy=policy, seed=seed))
        plan |= dict(_again(item, at, chat=info.chat, policy=policy))
    return plan


def arm(answers: Mapping[str, object], name: str) -> dict[str, object]:
    """The answers of one arm, by item id."""
    return {tag.partition("/")[2]: answer for tag, answer in answers.items() if tag.partition("/")[0] == name}


def context_of(item: Item, policy: McGenerationPolicy) -> str | None:
    return item.context if policy.context == "auto" else None


def shifts(item: Item) -> list[int]:
    """By how many places the options are turned, each time: all of them, or eight spread evenly."""
    k = len(item.options)
    return list(range(k)) if k <= MOST_SHIFTS else [round(i * k / MOST_SHIFTS) for i in range(MOST_SHIFTS)]


def turned(item: Item, shift: int) -> tuple[str, ...]:
    """The options in the order in which they stand under the letters: option i under letter (i + shift) mod K."""
    k = len(item.options)
    return tuple(item.options[(place - shift) % k] for place in range(k))


# --- scored arms ----------------------------------------------------------------------------------------------------


def _scored(
    item: Item, arms: Sequence[str], *, chat: bool, policy: McGenerationPolicy
) -> Iterator[tuple[str, Request]]:
    context = context_of(item, policy)
    texts = tuple(prompts.reply(option, chat=chat) for option in item.options)
    heldout = () if item.heldout is None else (prompts.reply(item.heldout, chat=chat),)
    yield f"text/{item.id}", Score(prompts.open_prompt(item.question, context=context), (*texts, *heldout), chat=chat)
    yield f"stem/{item.id}", Score(prompts.stem(), texts, chat=chat, detail="sums")
    if "letter" not in arms:
        return
    letters = tuple(prompts.reply(letter, chat=chat) for letter in prompts.LETTERS[: len(item.options)])
    for shift in shifts(item):
        for name, question in (("letter", item.question), ("letterstem", None)):
            prompt = prompts.letters(question, turned(item, shift), context=context if question else None)
            yield f"{name}.{shift}/{item.id}", Score(prompt, letters, chat=chat, detail="sums")


# --- generated arms -------------------------------------------------------------------------------------------------


def _generated(
    item: Item, arms: Sequence[str], items: Sequence[Item], *, chat: bool, policy: McGenerationPolicy, seed: int
) -> Iterator[tuple[str, Request]]:
    context = context_of(item, policy)

    def ask(prompt: str, **decoding: int | float) -> Generate:
        return Generate(prompt, max_new_tokens=policy.max_new_tokens, chat=chat, **decoding)  # type: ignore[arg-type]

    opened = prompts.open_prompt(item.question, context=context)
    yield f"open/{item.id}", ask(opened)
    if "format" in arms:
        yield f"format/{item.id}", ask(prompts.short(item.question, lang=item.lang, context=context))
        yield f"shown/{item.id}", ask(prompts.shown(item.question, listed(item, seed=seed), context=context))
        if item.heldout is not None:
            without = listed(item, seed=seed, withheld=True)
            yield f"withheld/{item.id}", ask(prompts.shown(item.question, without, context=context))
        for number, (example, untrue) in enumerate(examples(item, items, seed=seed)):
            for name, answer in (("shot", example.accepted[0]), ("null", untrue.accepted[0])):
                prompt = prompts.one_shot(example.question, answer, item.question, context=context)
                yield f"{name}.{number}/{item.id}", ask(prompt)
    if "sample" in arms:
        yield f"sample/{item.id}", ask(opened, samples=policy.samples, temperature=policy.temperature, seed=seed)
        for width in policy.beams:
            yield f"beam.{width}/{item.id}", ask(opened, beams=width)


def listed(item: Item, *, seed: int, withheld: bool = False) -> tuple[str, ...]:
    """The options in the order in which they are shown; withheld: the held-out distractor in the gold's place."""
    order = named_rng(f"mc_generation/shown/{item.id}", seed=seed).permutation(len(item.options))
    options = [
        item.heldout if withheld and i == item.gold and item.heldout is not None else option
        for i, option in enumerate(item.options)
    ]
    return tuple(options[i] for i in order)


def examples(item: Item, items: Sequence[Item], *, seed: int) -> list[tuple[Item, Item]]:
    """Three solved items of the same language and another cluster, each with a further one whose answer is neither the
    example's nor the item's: the form of an answer without its truth. Fewer where there are not so many."""
    fit = [
        other
        for other in items
        if other.id != item.id and other.lang == item.lang and (not item.cluster or other.cluster != item.cluster)
    ]
    order = named_rng(f"mc_generation/shot/{item.id}", seed=seed).permutation(len(fit))
    shuffled = [fit[i] for i in order]
    pairs: list[tuple[Item, Item]] = []
    for number, example in enumerate(shuffled[:SHOTS]):
        others = (o for o in shuffled[SHOTS + number :] if not _alike(o, example) and not _alike(o, item))
        untrue = next(others, None)
        if untrue is not None:
            pairs.append((example, untrue))
    return pairs


def _alike(a: Item, b: Item) -> bool:
    return any(same_answer(x, y, lang=a.lang, answer_type=a.answer_type) for x in a.accepted[:1] for y in b.accepted)


# --- the model against itself ---------------------------------------------------------------------------------------


def _again(item: Item, at: int, *, chat: bool, policy: McGenerationPolicy) -> Iterator[tuple[str, Request]]:
    """The same questions in another shape: options in reverse order, one token more to write. Equal answers are due."""
    context = context_of(item, policy)
    prompt = prompts.open_prompt(item.question, context=context)
    if at < AGAIN_SCORED:
        texts = tuple(prompts.reply(option, chat=chat) for option in reversed(item.options))
        yield f"again/{item.id}", Score(prompt, texts, chat=chat, detail="sums")
    if at < AGAIN_GENERATED:
        yield f"reopen/{item.id}", Generate(prompt, max_new_tokens=policy.max_new_tokens + 1, chat=chat)
