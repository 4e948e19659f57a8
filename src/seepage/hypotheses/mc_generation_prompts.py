"""What mc_generation asks, word by word.

    open      "Question: What is the capital of Zorvath?\\nAnswer:"                      one answer, nothing shown
    letter    "Question: What is the capital of Zorvath?\\nA. Belmun\\nB. Tarqi\\n...\\nAnswer:"
    stem      "Question:\\nAnswer:"                                                    what shortcuts alone give

One template for all arms, so that arms differ in what they show and in nothing else. A model with a chat template gets
the same text as the user's turn, and its reply starts without the blank that a plain continuation starts with. A prompt
ends without a blank: tokens(prompt) is then a prefix of tokens(prompt + answer). The wordings are data: every request
holds its text, and `wordings_digest` names the whole set.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..records import digest

WORDINGS: Mapping[str, str] = MappingProxyType(
    {
        "question": "Question: {question}",
        "no question": "Question:",
        "answer": "Answer:",
        "option": "{letter}. {option}",
        "candidates": "Candidates: {options}",
        "between": "; ",
    }
)
# "answer with the short answer only", in the language of the item; English where there is none
SHORT: Mapping[str, str] = MappingProxyType(
    {
        "en": "Answer with the short answer only.",
        "ar": "أجب بالإجابة القصيرة فقط.",
        "bn": "শুধু সংক্ষিপ্ত উত্তর দিন।",
        "de": "Antworte nur mit der kurzen Antwort.",
        "es": "Responde solo con la respuesta corta.",
        "fi": "Vastaa vain lyhyellä vastauksella.",
        "fr": "Donne seulement la réponse courte.",
        "hi": "केवल छोटा उत्तर दें।",
        "id": "Jawab hanya dengan jawaban singkat.",
        "it": "Rispondi solo con la risposta breve.",
        "ja": "短い答えだけを書いてください。",
        "ko": "짧은 답만 쓰세요.",
        "pt": "Responda apenas com a resposta curta.",
        "ru": "Ответь только кратким ответом.",
        "sw": "Jibu kwa jibu fupi tu.",
        "te": "చిన్న సమాధానం మాత్రమే ఇవ్వండి.",
        "th": "ตอบเฉพาะคำตอบสั้น ๆ เท่านั้น",
        "tr": "Yalnızca kısa cevabı yaz.",
        "vi": "Chỉ trả lời bằng câu trả lời ngắn.",
        "zh": "只回答简短的答案。",
    }
)
LETTERS = string.ascii_uppercase


def wordings_digest() -> str:
    """Names this set of wordings: two runs with the same digest asked in the same words."""
    return digest({"wordings": dict(WORDINGS), "short": dict(SHORT)})


def reply(text: str, *, chat: bool) -> str:
    """An answer as it continues a prompt: behind a blank, but for a chat reply, which starts its own turn."""
    return text if chat else f" {text}"


def open_prompt(question: str, *, context: str | None = None) -> str:
    return _prompt(question, (), context=context)


def stem() -> str:
    """The same template without the question: what an answer is worth before anything was asked."""
    return _prompt(None, ())


def letters(question: str | None, options: Sequence[str], *, context: str | None = None) -> str:
    """Options under letters, in the order given; question None leaves the question out.

    Raises ValueError with more options than letters.
    """
    if len(options) > len(LETTERS):
        raise ValueError(f"{len(options)} options have no letters; at most {len(LETTERS)} are accepted")
    listed = [WORDINGS["option"].format(letter=a, option=o) for a, o in zip(LETTERS, options, strict=False)]
    return _prompt(question, listed, context=context)


def shown(question: str, options: Sequence[str], *, context: str | None = None) -> str:
    """Options as a list without letters, in the order given."""
    listed = WORDINGS["candidates"].format(options=WORDINGS["between"].join(options))
    return _prompt(question, (listed,), context=context)


def short(question: str, *, lang: str, context: str | None = None) -> str:
    """The open question with the instruction to answer briefly, in the item's language."""
    return _prompt(question, (SHORT.get(lang.partition("-")[0].lower(), SHORT["en"]),), context=context)


def one_shot(example: str, answer: str, question: str, *, context: str | None = None) -> str:
    """A solved example in front. answer: the example's own, or another item's where only the form shall be shown."""
    return f"{_prompt(example, ())}{reply(answer, chat=False)}\n\n{_prompt(question, (), context=context)}"


def _prompt(question: str | None, lines: Sequence[str], *, context: str | None = None) -> str:
    head = WORDINGS["no question"] if question is None else WORDINGS["question"].format(question=question)
    passage = [f"{context}\n"] if context else []
    return "\n".join([*passage, head, *lines, WORDINGS["answer"]])
