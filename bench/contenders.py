"""Our way, lm-eval's and benchleak's to the same numbers. Each loads its weights when made, outside all times."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from items import Item

from seepage.models import open_model
from seepage.models.hf import HFModel
from seepage.records import Answer, Generate, Generated, Score, Scored, TokenStats
from seepage.scorer import ask
from seepage.stats.membership import membership
from seepage.store import Store

K = 20.0  # per cent of the tokens that Min-K% looks at
STOP, LONGEST = "\n", 32  # where an open answer ends, tokens


class Ours:
    """A model opened anew: what the scorer checks on its first batches is inside its time."""

    def __init__(self, directory: Path, *, load: bool = True) -> None:
        model = open_model(f"hf:{directory}")
        assert isinstance(model, HFModel)
        self.model = model
        self.model.info  # noqa: B018 - digests the weights
        if load:
            self.model.engine  # noqa: B018 - loads them

    def sums(self, questions: list[Item], *, store: Store | None = None) -> list[list[float]]:
        plan = {str(i): Score(q.prompt, q.options, detail="sums") for i, q in enumerate(questions)}
        got = ask(self.model, plan, store=store)
        return [list(scored(got[str(i)]).sums) for i in range(len(questions))]

    def texts(self, questions: list[str]) -> list[str]:
        plan = {str(i): Generate(q, LONGEST, (STOP,), chat=True) for i, q in enumerate(questions)}
        got = ask(self.model, plan, store=None)
        return [generated(got[str(i)]).text for i in range(len(questions))]

    def memberships(self, samples: list[str]) -> list[float]:
        """All five scores of every text; Min-K% with benchleak's rounding is what is compared."""
        got = ask(self.model, {str(i): Score("", (text,)) for i, text in enumerate(samples)}, store=None)
        stats: list[TokenStats] = [scored(got[str(i)]).tokens[0] for i in range(len(samples))]
        every = [membership(one, text, k=K, rounding="floor") for one, text in zip(stats, samples, strict=True)]
        return [scores.min_k for scores in every]


class Harness:
    """lm-eval's HF backend; one loaded model for all batch sizes."""

    def __init__(self, directory: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model = AutoModelForCausalLM.from_pretrained(str(directory), dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(str(directory))
        logging.getLogger("lm_eval").setLevel(logging.ERROR)  # advice about a model that is loaded already

    def sums(self, questions: list[Item], *, batch_size: int | str) -> list[list[float]]:
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        backend = HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=batch_size, device="cpu")
        requests = [
            Instance(request_type="loglikelihood", doc={}, arguments=(q.prompt, option), idx=i)
            for q in questions
            for i, option in enumerate(q.options)
        ]
        flat = [float(total) for total, _ in backend.loglikelihood(requests, disable_tqdm=True)]
        return [flat[i : i + 4] for i in range(0, len(flat), 4)]

    def texts(self, prompts: list[str], *, batch_size: int | str) -> list[str]:
        """prompts: already through the chat template, as lm-eval's own `apply_chat_template` does before it asks."""
        from lm_eval.api.instance import Instance
        from lm_eval.models.huggingface import HFLM

        backend = HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=batch_size, device="cpu")
        greedy = {"until": [STOP], "max_gen_toks": LONGEST, "do_sample": False}
        requests = [
            Instance(request_type="generate_until", doc={}, arguments=(prompt, dict(greedy)), idx=i)
            for i, prompt in enumerate(prompts)
        ]
        return [str(text) for text in backend.generate_until(requests, disable_tqdm=True)]


class Detector:
    """benchleak's Min-K%."""

    def __init__(self, directory: Path) -> None:
        from benchleak.detectors.pretrain import MinKProbDetector
        from benchleak.loading import load_model

        self.detector = MinKProbDetector(*load_model(str(directory), dtype="float32"), k=K)

    def scores(self, samples: list[str]) -> list[float]:
        return [float(score) for score in self.detector.score_batch(samples)]


def store_times(directory: Path, questions: list[Item], folder: Path) -> tuple[float, float, float]:
    """Seconds that a first run took to answer all, that a second took with model and store opened anew, and of opening.

    Both runs must open the model and digest its weights before they may trust or keep an answer: that is the third
    figure, in neither of the others. The weights' file time is changed first, because a digest is remembered within a
    process; loading the weights is in no figure, and the second run loads none.
    """
    path = folder / "answers.sqlite"
    ours, store = Ours(directory), Store(path)
    first_seconds, first = _timed_sums(ours, questions, store)
    ours.model.close()
    for file in directory.glob("*.safetensors"):
        os.utime(file)
    started = time.perf_counter()
    again = Ours(directory, load=False)
    opening = time.perf_counter() - started
    second_seconds, second = _timed_sums(again, questions, Store(path))
    if second != first:
        raise RuntimeError("the store gave back other answers than the model")
    return first_seconds, second_seconds, opening


def _timed_sums(ours: Ours, questions: list[Item], store: Store) -> tuple[float, list[list[float]]]:
    started = time.perf_counter()
    sums = ours.sums(questions, store=store)
    seconds = time.perf_counter() - started
    store.close()
    return seconds, sums


def scored(answer: Answer) -> Scored:
    assert isinstance(answer, Scored)
    return answer


def generated(answer: Answer) -> Generated:
    assert isinstance(answer, Generated)
    return answer


def rendered(directory: Path, questions: list[str]) -> list[str]:
    """Each question as a user's turn, with the header of the reply."""
    tokenizer = tokenizer_of(directory)
    turns = [[{"role": "user", "content": question}] for question in questions]
    return [tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]


def counter(directory: Path) -> Callable[[str], int]:
    """Number of tokens of a text."""
    tokenizer: Any = tokenizer_of(directory)
    return lambda text: len(tokenizer(text)["input_ids"])


def tokenizer_of(directory: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(directory))
