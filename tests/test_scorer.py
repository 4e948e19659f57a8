"""The scorer: only what is missing reaches the model, and what was answered is kept whatever happens next."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from seepage.errors import BackendError, BadSpec, NotTestable
from seepage.models import open_model
from seepage.records import (
    Answer,
    Generate,
    Generated,
    Layered,
    Layers,
    ModelInfo,
    Request,
    Score,
    Scored,
    TokenStats,
)
from seepage.scorer import Line, ask
from seepage.store import Store


class Parrot:
    """Answers each generate request with its prompt, and remembers what it was asked."""

    info = ModelInfo(spec="parrot:", digest="p" * 64)

    def __init__(self, *, fail_after: int | None = None, error: BaseException | None = None) -> None:
        self.asked: list[Request] = []
        self.fail_after, self.error = fail_after, error

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        for i, request in reversed(list(enumerate(requests))):
            if self.error is not None and len(self.asked) == self.fail_after:
                raise self.error
            self.asked.append(request)
            yield i, Generated(request.prompt, "end", 1)

    def close(self) -> None:
        return None


class Fixed:
    """Answers with what it is given, whatever is asked."""

    info = ModelInfo(spec="fixed:", digest="f" * 64)

    def __init__(self, *pairs: tuple[int, Answer]) -> None:
        self.pairs = pairs

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        yield from self.pairs

    def close(self) -> None:
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "answers.sqlite") as opened:
        yield opened


def plan(n: int) -> dict[str, Request]:
    return {f"A/{i}": Generate(str(i)) for i in range(n)}


def texts(answers: dict[str, Answer]) -> dict[str, str]:
    return {tag: answer.text for tag, answer in answers.items() if isinstance(answer, Generated)}


def test_each_tag_gets_its_own_answer(store: Store) -> None:
    assert texts(ask(Parrot(), plan(5), store=store)) == {f"A/{i}": str(i) for i in range(5)}


def test_nothing_is_asked_twice(store: Store) -> None:
    ask(Parrot(), plan(5), store=store)
    again = Parrot()
    answers = ask(again, plan(8), store=store)
    assert sorted(request.prompt for request in again.asked) == ["5", "6", "7"]
    assert len(answers) == 8
    assert store.infos() == [Parrot.info]


def test_equal_requests_are_asked_once(store: Store) -> None:
    model = Parrot()
    answers = ask(model, {"a": Generate("x"), "b": Generate("x"), "c": Generate("y")}, store=store)
    assert len(model.asked) == 2
    assert answers["a"] is answers["b"]


def test_it_works_without_a_store() -> None:
    assert texts(ask(Parrot(), plan(2), store=None)) == {"A/0": "0", "A/1": "1"}


@pytest.mark.parametrize(argnames="error", argvalues=[KeyboardInterrupt(), BackendError("gone"), MemoryError()])
def test_what_was_answered_before_an_interruption_is_kept(store: Store, error: BaseException) -> None:
    with pytest.raises(type(error)):
        ask(Parrot(fail_after=3, error=error), plan(10), store=store)
    assert store.count() == 3
    again = Parrot()
    ask(again, plan(10), store=store)
    assert len(again.asked) == 7


def test_answers_are_committed_while_the_model_is_still_at_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seepage.scorer.FLUSH_ANSWERS", 2)
    counts: list[int] = []

    class Watching(Parrot):
        def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
            for pair in super().answers(requests):
                counts.append(store.count())
                yield pair

    ask(Watching(), plan(6), store=store)
    assert counts == [0, 0, 2, 2, 4, 4]


STATS = TokenStats((1,), ((0, 1),), (-1.0,), (0,), (-2.0,), (1.0,))
UNEVEN = TokenStats((1, 2), ((0, 1),), (-1.0,), (0,), (-2.0,), (1.0,))
TWO = Score("a", ("b", "c"))
WRONG: list[tuple[str, Request, tuple[tuple[int, Answer], ...], str]] = [
    ("nothing", TWO, (), "0 of 1 requests"),
    ("another index", TWO, ((1, Scored((0.0, 0.0), (STATS, STATS))),), "no such one"),
    ("twice", TWO, ((0, Scored((0.0, 0.0), (STATS, STATS))),) * 2, "twice"),
    ("one sum", TWO, ((0, Scored((0.0,), (STATS, STATS))),), "1 sums"),
    ("no tokens", TWO, ((0, Scored((0.0, 0.0))),), "0 token records"),
    ("tokens unasked", Score("a", ("b",), detail="sums"), ((0, Scored((0.0,), (STATS,))),), "expected 1 and 0"),
    ("uneven columns", TWO, ((0, Scored((0.0, 0.0), (STATS, UNEVEN))),), "lengths"),
    ("text for a score", TWO, ((0, Generated("b", "end", 1)),), "expected Scored"),
    ("score for a text", Generate("a"), ((0, Scored((0.0,))),), "expected Generated"),
    ("score for layers", Layers("a", ("b",)), ((0, Scored((0.0,))),), "expected Layered"),
    ("too few targets", Layers("a", ("b", "c")), ((0, Layered(((0.0,),))),), "2 log-probs"),
]


@pytest.mark.parametrize(
    argnames=("request_", "pairs", "words"), argvalues=[row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_an_answer_of_the_wrong_shape_raises(
    store: Store, request_: Request, pairs: tuple[tuple[int, Answer], ...], words: str
) -> None:
    with pytest.raises(BackendError, match=words):
        ask(Fixed(*pairs), {"a": request_}, store=store)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(stream: io.StringIO) -> str:
        line = Line(stream)
        line.start(10, label="hf:x")
        line.advance(5)
        line.finish()
        return stream.getvalue()

    monkeypatch.delenv("CI", raising=False)
    assert "hf:x: 5/10 requests" in shown(Terminal())
    assert "\n" not in shown(Terminal())
    assert shown(io.StringIO()) == ""
    monkeypatch.setenv("CI", "true")
    assert shown(Terminal()) == ""


# --- answers without the model -------------------------------------------------------------------------------------


def recorded(store: Store, requests: dict[str, Request]) -> Any:
    ask(Parrot(), requests, store=store)
    return open_model(f"recorded:{store.path}")


def test_a_recorded_model_gives_the_same_answers(store: Store) -> None:
    model = recorded(store, plan(4))
    assert model.info.access == ("generate",)
    assert model.info.digest == Parrot.info.digest
    assert texts(ask(model, plan(4), store=None)) == {f"A/{i}": str(i) for i in range(4)}


def test_a_recorded_model_says_what_it_does_not_hold(store: Store) -> None:
    model = recorded(store, plan(4))
    with pytest.raises(BackendError, match="no answer to 2 of 6 requests"):
        ask(model, plan(6), store=None)
    with pytest.raises(NotTestable, match="no answers to score requests, only generate"):
        ask(model, {"a": TWO}, store=None)


def test_a_store_of_two_models_needs_a_digest(store: Store) -> None:
    ask(Parrot(), plan(1), store=store)
    ask(Fixed((0, Generated("x", "end", 1))), plan(1), store=store)
    with pytest.raises(BadSpec, match=r"2 models .* #ffffffffffff \(fixed:\), #pppppppppppp \(parrot:\)"):
        open_model(f"recorded:{store.path}")
    answers = ask(open_model(f"recorded:{store.path}#ff"), plan(1), store=None)
    assert texts(answers) == {"A/0": "x"}
    with pytest.raises(BadSpec, match="no model"):
        open_model(f"recorded:{store.path}#aa")


@pytest.mark.parametrize(
    argnames=("make", "error"),
    argvalues=[(lambda path: None, BackendError), (lambda path: path.write_text("no database"), BadSpec)],
    ids=["missing", "foreign"],
)
def test_a_recorded_model_needs_a_store(tmp_path: Path, make: Callable[[Path], Any], error: type[Exception]) -> None:
    path = tmp_path / "vendor.sqlite"
    make(path)
    with pytest.raises(error):
        open_model(f"recorded:{path}")
