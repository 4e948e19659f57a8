"""Text to tokens and back: chat templates, BOS, the boundary between a prompt and its continuation, character spans.

BOS: a plain prompt gets the tokens that the tokenizer puts in front by default, and nothing else; a chat template
writes its own.  Boundary: tokens(prompt + continuation) must start with tokens(prompt), or the log-probs would belong
to another text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BackendError, NotTestable
from ..records import digest

_PROBE = "Zebra 41"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of a continuation and their character spans in it; spans is empty where they were not asked for."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...] = ()


class Encoder:
    """A tokenizer, as the scorer needs it. Raises BackendError where the tokenizer is not a fast one."""

    def __init__(self, tokenizer: Any, *, spec: str) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise BackendError(
                f"{spec}: its tokenizer is a slow one, without character offsets; save a tokenizer.json beside it."
            )
        self.tokenizer = tokenizer
        self.spec = spec
        self._fast = tokenizer.backend_tokenizer
        self._fast.no_padding()
        self._fast.no_truncation()
        self.prefix = self._default_prefix()
        self.chat = bool(getattr(tokenizer, "chat_template", None))
        self.system_role = self.chat and self._has_system_role()
        self.end_of_turn = self._end_of_turn()

    def digest(self) -> str:
        """Of all that turns text and chat turns into tokens: two models with the same one read the same tokens."""
        return digest({"tokenizer": self._fast.to_str(), "template": getattr(self.tokenizer, "chat_template", None)})

    def _default_prefix(self) -> tuple[int, ...]:
        """What the tokenizer puts in front of any text (BOS, or nothing)."""
        bare = self._fast.encode("a", add_special_tokens=False).ids
        full = self._fast.encode("a", add_special_tokens=True).ids
        at = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
        return tuple(full[:at])

    def _has_system_role(self) -> bool:
        from jinja2 import TemplateError

        try:
            return _PROBE in self._render("user", system=_PROBE)
        except TemplateError:  # what a template raises that refuses the role
            return False

    def _end_of_turn(self) -> str:
        """What follows an assistant's words, without the line break: the terminator of a scored reply."""
        if not self.chat:
            return ""
        from jinja2 import TemplateError

        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
        try:
            text = str(self.tokenizer.apply_chat_template(turns, tokenize=False))
        except TemplateError:  # one that takes no assistant's turn: the tokenizer's own end is the terminator
            text = ""
        ending = text.rpartition(_PROBE)[2].strip() if _PROBE in text else ""
        return ending or str(self.tokenizer.eos_token or "")

    def _render(self, prompt: str, *, system: str | None) -> str:
        turns = [{"role": "system", "content": system}] if system is not None else []
        turns.append({"role": "user", "content": prompt})
        # `enable_thinking` is read by templates of reasoning models, and ignored by all others.
        return str(
            self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        )

    def text(self, prompt: str, *, chat: bool, system: str | None) -> str:
        """The prompt as the model sees it. Raises NotTestable where the tokenizer lacks what the request needs."""
        if not chat:
            if system is not None:
                raise NotTestable(f"{self.spec}: a system prompt needs a chat request, this one is plain text.")
            return prompt
        if not self.chat:
            raise NotTestable(f"{self.spec} has no chat template; ask it in the completion form (chat=False).")
        if system is not None and not self.system_role:
            raise NotTestable(f"{self.spec}: its chat template has no system role.")
        return self._render(prompt, system=system)

    def prompt(self, text: str, *, chat: bool) -> tuple[int, ...]:
        """Tokens of a prompt that `text` made."""
        ids = tuple(self._fast.encode(text, add_special_tokens=False).ids)
        return ids if chat else self.prefix + ids

    def prompts(self, texts: Sequence[str], *, chat: Sequence[bool]) -> list[tuple[int, ...]]:
        encoded = self._fast.encode_batch_fast(list(texts), add_special_tokens=False)
        return [tuple(e.ids) if c else self.prefix + tuple(e.ids) for e, c in zip(encoded, chat, strict=True)]

    def continuations(
        self, text: str, prompt_ids: tuple[int, ...], continuations: Sequence[str], *, chat: bool, spans: bool
    ) -> list[Encoded]:
        """Tokens of each continuation of a prompt. Raises BackendError at a token boundary that does not hold."""
        own = list(prompt_ids if chat else prompt_ids[len(self.prefix) :])
        encode = self._fast.encode_batch if spans else self._fast.encode_batch_fast
        result = []
        for continuation, whole in zip(
            continuations, encode([text + c for c in continuations], add_special_tokens=False), strict=True
        ):
            ids = whole.ids
            if ids[: len(own)] != own or len(ids) == len(own):
                raise BackendError(self._boundary(text, continuation))
            offsets = whole.offsets[len(own) :] if spans else ()
            shifted = tuple((max(a - len(text), 0), max(b - len(text), 0)) for a, b in offsets)
            result.append(Encoded(tuple(ids[len(own) :]), shifted))
        return result

    def _boundary(self, text: str, continuation: str) -> str:
        return (
            f"token boundary: {self.spec} does not tokenize {text[-30:]!r} + {continuation!r} as the prompt's "
            "tokens and more; end the prompt without a blank, or begin the continuation with one."
        )
