"""Where a text ends: at an end token, before its first stop string, or at its longest.

The text is always that of all its tokens decoded together, cut before the first stop string. Decoding at every token
would cost more than a pass of a tiny model, so a text is decoded only after a token that may have completed a stop
string: one that shows the last character of one, or whose own text says nothing certain (part of a character, nothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

UNSURE = "\N{REPLACEMENT CHARACTER}"  # what decoders write for a part of a character

Why = Literal["stop", "end", "length"]


class Ended(NamedTuple):
    """A finished text. n_tokens: generated, without an end token, with those of the stop string."""

    text: str
    stopped: Why
    n_tokens: int


class Stops:
    """End tokens and stop strings of one tokenizer, with what is known of its tokens so far."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ends = end_tokens(model, tokenizer)
        self._pieces: dict[int, str] = {}
        self._harmless: dict[tuple[str, ...], dict[int, bool]] = {}

    def ended(self, tokens: Sequence[int], stop: tuple[str, ...], limit: int) -> Ended | None:
        """What ends a text at its last token, if that does. tokens: all generated; limit: their largest number."""
        last = tokens[-1]
        if last in self.ends:
            return self._whole(tokens[:-1], stop, "end")
        if len(tokens) >= limit:
            return self._whole(tokens, stop, "length")
        harmless = self._harmless.setdefault(stop, {})
        if last not in harmless:
            harmless[last] = self._is_harmless(last, stop)
        if harmless[last] or not any(text in self._decode(tokens) for text in stop):
            return None
        return self._whole(tokens, stop, "stop")

    def _is_harmless(self, token: int, stop: tuple[str, ...]) -> bool:
        """Whether a stop string that was not in the text before this token cannot be in it after."""
        if not stop:
            return True
        piece = self._pieces.setdefault(token, self._decode([token]))
        # A blank before a word is not shown by tokenizers that strip it from the beginning of a text.
        if not piece or UNSURE in piece or any(text[-1] in (" ", UNSURE) for text in stop):
            return False
        return not any(text[-1] in piece for text in stop)

    def _whole(self, tokens: Sequence[int], stop: tuple[str, ...], why: Why) -> Ended:
        n, text = len(tokens), self._decode(tokens)
        if not any(one in text for one in stop):
            return Ended(text, why, n)
        while n > 1 and any(one in shorter for shorter in [self._decode(tokens[: n - 1])] for one in stop):
            n -= 1
        text = self._decode(tokens[:n])
        return Ended(text[: min(at for one in stop if (at := text.find(one)) >= 0)], "stop", n)

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Tokens that end a text: the generation config's, the model's and the tokenizer's end of text."""
    found: set[int] = set()
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        if value is not None:
            found.update([value] if isinstance(value, int) else value)
    return found
