"""Is a model's short reply one of the accepted answers? Two judges, strict and lenient, and what is no answer at all.

    read_answer("The answer is New York.", accepted=("New York",), others=("York", "Boston"), lang="en")
        -> Read(line="answer is new york", strict=False, lenient=True, failure="")

Only the first non-empty line counts; `seepage.scripts.normalize` says which writings are the same. The lenient judge
looks for whole words ("4" is in "The answer is 4", not in "14", "4.5", "4/5", "4th" or "2004-2010"), in scripts without
spaces for the characters. It knows the options and nothing else: "4 or 5" is hedging, hence wrong, where 5 is an
option, and right where it is not; it does not understand "not 4". Korean words may carry a particle ("서울은").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .benchmarks.record import AnswerType
from .errors import BadSpec, NotTestable
from .scripts import (
    SPACELESS,
    articles_of,
    count_scripts,
    decimal_mark,
    letters_outside,
    normalize,
    primary,
    scripts_of_language,
)

__all__ = ["Failure", "Read", "normalize", "read_answer", "same_answer"]

Failure = Literal[
    "",  # none: right, or wrong in the expected form
    "empty",  # blanks only
    "end",  # the turn was ended before anything was said
    "refusal",  # says that it does not know or will not say
    "script",  # most letters are of another script than the item's
]
MAX_LINE = 10_000  # characters of a line that are read; no short answer is longer


@dataclass(frozen=True, slots=True)
class Read:
    """How one reply was read.

    line: the first non-empty line, normalised.  strict: it equals an accepted answer.
    lenient: an accepted answer occurs in it as whole words, and no other option does.
    failure: why the reply is no answer; "" where either judge says right, and where the line is another option.
    """

    line: str
    strict: bool
    lenient: bool
    failure: Failure


def read_answer(
    text: str,
    *,
    accepted: Sequence[str],
    others: Sequence[str] = (),
    lang: str = "",
    answer_type: AnswerType = "other",
    ended: bool = False,
    n_tokens: int | None = None,
) -> Read:
    """Read one reply.

    accepted: every writing of the right answer.  others: the options that are wrong.  lang: BCP 47 tag of the item.
    ended: the model ended its turn by itself.  n_tokens: of the reply, where known.
    An option that is equal to an accepted answer once both are normalised leaves `strict` and takes `lenient`.
    Raises NotTestable where no accepted answer is stated.
    """
    for name, texts in (("accepted", accepted), ("others", others)):
        if isinstance(texts, str):
            raise BadSpec(f"{name}={texts!r} is one text; a sequence of texts is accepted: {name}=({texts!r},)")
    right = _needles(accepted, lang, answer_type)
    if not right:
        raise NotTestable(f"accepted={tuple(accepted)!r} states no answer to compare with. Give the item aliases.")
    wrong = _needles(others, lang, answer_type)
    line = _first_line(text, lang)
    if not line:
        silent = ended and not text and (n_tokens is None or n_tokens <= 1)
        return Read("", strict=False, lenient=False, failure="end" if silent else "empty")
    told = _dated(line) if answer_type == "date" else line
    strict = any(needle.whole.fullmatch(told) for needle in right.values())
    another = any(needle.whole.fullmatch(told) for needle in wrong.values())
    named = _named(told, right, wrong) | _named_by_letter(text, right, wrong, lang)
    lenient = not another and (strict or (bool(named) and not named & wrong.keys()))
    answered = strict or lenient or another
    failure: Failure = "" if answered else _failure(line, accepted, others, lang)
    return Read(line, strict=strict, lenient=lenient, failure=failure)


def same_answer(a: str, b: str, *, lang: str, answer_type: AnswerType) -> bool:
    """Whether the strict judge takes one for the other: equal once normalised, numbers by value, dates by day."""
    return _normal_and_key(a, lang, answer_type)[1] == _normal_and_key(b, lang, answer_type)[1]


def _first_line(text: str, lang: str, *, keep_articles: bool = False) -> str:
    """The first line with anything to see, normalised; "" where there is none."""
    seen = _VISIBLE.search(text)
    if seen is None:
        return ""
    line = text[seen.start() : seen.start() + MAX_LINE].splitlines()[0]
    return normalize(line, lang=lang, keep_articles=keep_articles)


_VISIBLE = re.compile(
    "[^\\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


# --- what to look for -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Needle:
    """One answer to look for. key: equal for equal answers.  whole: matches all of a line.  part: a piece of one."""

    key: str
    whole: re.Pattern[str]
    part: re.Pattern[str]
    loose: re.Pattern[str]  # as part, and a single character of a script without spaces counts anywhere


def _needles(texts: Sequence[str], lang: str, answer_type: AnswerType) -> dict[str, _Needle]:
    """By key; texts without anything to see are left out."""
    made = (_needle(text, lang, answer_type) for text in texts)
    return {needle.key: needle for needle in made if needle.key}


@lru_cache(maxsize=2**16)  # every option of a benchmark is compared with many others
def _normal_and_key(text: str, lang: str, answer_type: AnswerType) -> tuple[str, str]:
    """The text normalised, and the pattern of all its writings, which is "" where there is nothing to see."""
    normal = normalize(text, lang=lang)
    normal = _dated(normal) if answer_type == "date" else normal
    words = normal.split(" ")
    by_value = answer_type == "number" or (answer_type == "other" and len(words) == 1)
    mark = decimal_mark(lang) or "."
    key = " ".join(_by_value(word, mark) if by_value else re.escape(word) for word in words)
    return normal, _BETWEEN.sub(" ?", key)


@lru_cache(maxsize=8192)
def _needle(text: str, lang: str, answer_type: AnswerType) -> _Needle:
    normal, body = _normal_and_key(text, lang, answer_type)
    one = len(normal) == 1
    left = "" if _SPACELESS.match(normal) and not one else r"(?<!\S)"
    right = "" if _SPACELESS.match(normal[-1:]) and not one else r"(?!\S)"
    if answer_type == "date" and _YEAR_OR_MONTH.fullmatch(normal):
        right = r"(?=(?:-[0-9]{2}){0,2}(?!\S))"  # a day names its month and its year
    elif primary(lang) == "ko" and _HANGUL.search(normal):
        right = rf"(?={_PARTICLES}(?!\S)|(?!\S))"
    loose = body if one and _SPACELESS.match(normal) else left + body + right
    return _Needle(body, re.compile(body), re.compile(left + body + right), re.compile(loose))


_SPACELESS = re.compile(f"[{SPACELESS}]")
_BETWEEN = re.compile(f"(?<=[{SPACELESS}]) ?(?=[{SPACELESS}])")
_HANGUL = re.compile("[\uac00-\ud7a3]{2}$")
_YEAR_OR_MONTH = re.compile("[0-9]{4}(?:-[0-9]{2})?")
# Bare 이, 가 and 다 are not here: "고양이" is a cat, not the city 고양.
_PARTICLES = "(?:입니다|이에요|예요|이다|은|는|을|를|에서|으로)"


def _by_value(word: str, mark: str) -> str:
    """A pattern for every writing of the same number: 4, 4.0 and 04; 0.5 and 0.50. Other words for themselves."""
    figure = re.fullmatch(rf"(-?)0*([0-9]+?)(?:{re.escape(mark)}([0-9]*?)0*)?", word)
    if figure is None:
        return re.escape(word)
    sign, whole, rest = figure[1], figure[2], figure[3]
    if whole == "0" and not rest:
        return rf"-?0+(?:{re.escape(mark)}0+)?"
    return rf"{sign}0*{whole}" + (rf"{re.escape(mark)}{rest}0*" if rest else rf"(?:{re.escape(mark)}0+)?")


def _named(words: str, right: dict[str, _Needle], wrong: dict[str, _Needle]) -> set[str]:
    """Keys of what the words name. What lies inside a longer find is not named: "New York" does not name "York".

    Of two finds that share a part both are named ("York City" and "New York" in "New York City"), but where words have
    no spaces between them the first alone (东京 and not 京都 in 东京都).
    """
    finds = [
        (match.start(), -match.end(), key)
        for key, needle in (right | wrong).items()
        for match in (needle.loose if key in wrong else needle.part).finditer(words)
    ]
    named: set[str] = set()
    outer, reach = (0, 0), 0
    for start, minus_end, key in sorted(finds):
        end = -minus_end
        if (start, end) == outer or (end > reach and (start >= reach or not _SPACELESS.match(words[start]))):
            named.add(key)
            outer, reach = (start, end), end
    return named


def _named_by_letter(text: str, right: dict[str, _Needle], wrong: dict[str, _Needle], lang: str) -> set[str]:
    """As `_named`, of answers that end in what may be an article: within a line "Vitamin A or B" their last word would
    be left out as one."""
    articles = articles_of(lang)
    chosen = [{k: n for k, n in some.items() if k.rpartition(" ")[2] in articles} for some in (right, wrong)]
    return _named(_first_line(text, lang, keep_articles=True), *chosen) if any(chosen) else set()


# --- dates ----------------------------------------------------------------------------------------------------------

_NAMES = (
    *("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug"),
    *("september sep sept", "october oct", "november nov", "december dec"),
)
_MONTHS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
_MONTH = f"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_DAY = r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?P<year>[0-9]{4})"
_NUMERIC_MONTH = r"(?P<month>0?[1-9]|1[0-2])"
_WRITINGS = tuple(
    re.compile(rf"(?<!\S){writing}(?!\S)")
    for writing in (
        rf"{_MONTH} {_DAY}(?:st|nd|rd|th)? {_YEAR}",
        rf"{_DAY}(?:st|nd|rd|th)?(?: of)? {_MONTH} {_YEAR}",
        rf"{_YEAR}[-/.]{_NUMERIC_MONTH}[-/.]{_DAY}",
        rf"{_YEAR} [年년] {_NUMERIC_MONTH} [月월] {_DAY} [日일]",
        rf"{_YEAR} [年년] {_NUMERIC_MONTH} [月월]",
        rf"{_MONTH} {_YEAR}",
        rf"{_YEAR}-{_NUMERIC_MONTH}",
    )
)
_DAY_AND_MONTH = re.compile(
    rf"(?<!\S)(?P<first>[0-9]{{1,2}})(?P<mark>[-/.])(?P<second>[0-9]{{1,2}})(?P=mark){_YEAR}(?!\S)"
)


def _dated(normal: str) -> str:
    """Dates in a normalised text as 1900-03-03 (1900-03 without a day): English, ISO, Chinese, Japanese, Korean.

    Of two numbers one must be above 12, or both equal, to say which is the month; otherwise the date stays as it is.
    """
    for writing in _WRITINGS:
        normal = writing.sub(_iso, normal)
    return _DAY_AND_MONTH.sub(_told_apart, normal)


def _iso(match: re.Match[str]) -> str:
    found = match.groupdict()
    month = _MONTHS.get(found["month"]) or int(found["month"])
    day = f"-{int(found['day']):02d}" if found.get("day") else ""
    return f"{found['year']}-{month:02d}{day}"


def _told_apart(match: re.Match[str]) -> str:
    first, second = int(match["first"]), int(match["second"])
    low, high = sorted((first, second))
    if not 1 <= low <= 12 or not (12 < high <= 31 or low == high):
        return match[0]
    return f"{match['year']}-{low:02d}-{high:02d}"


# --- replies that are no answers ------------------------------------------------------------------------------------

# Beginnings only, and none that a title begins with: "(I Can't Get No) Satisfaction" and "Sorry" are songs.
_REFUSALS = """
i don't know|i do not know|i dont know|don't know|do not know|i don't have|i do not have|i have no idea|no idea
i'm not sure|i am not sure|not sure|i'm sorry|i am sorry|sorry, i|sorry, but|i'm unable|i am unable|i'm not able
i am not able|i can't answer|i cannot answer|i can not answer|i can't help|i cannot help|i can't assist|i cannot assist
i can't provide|i cannot provide|i can't determine|i cannot determine|i can't tell|i cannot tell|i can't say
i cannot say|cannot be determined|can't be determined|cannot determine|it is not possible to|it's not possible to
it is impossible to|as an ai|as a language model|unfortunately, i|there is no information|there is not enough
there isn't enough|not enough information|insufficient information|no information|the passage does not
the text does not|the context does not|the passage doesn't|the text doesn't|the context doesn't
ich weiß es nicht|ich weiß nicht|ich kann nicht|ich kann diese frage nicht|ich kann die frage nicht|es tut mir leid
tut mir leid|entschuldigung, ich|entschuldigung, aber|keine ahnung|leider kann ich|als ki|als sprachmodell|keine angabe
je ne sais pas|je ne peux pas|je suis désolé|désolé, je|désolé, mais|aucune idée|en tant qu'ia
en tant que modèle de langage|il n'y a pas assez
no lo sé|no sé|no puedo|lo siento|no tengo información|no hay información|como modelo de lenguaje|no se puede determinar
não sei|eu não sei|não posso|desculpe, mas|desculpe, eu|sinto muito|lamento, mas|não há informações
como um modelo de linguagem
non lo so|non so|non posso|mi dispiace|non ho informazioni|come modello linguistico
ik weet het niet|ik weet niet|het spijt me|sorry, ik|geen idee
я не знаю|не знаю|не могу ответить|я не могу|извините, но|извините, я|к сожалению, я|нет информации|как языковая модель
bilmiyorum|üzgünüm, ancak|üzgünüm, bu|maalesef bu|bilgim yok|yeterli bilgi yok
δεν ξέρω|δεν γνωρίζω|λυπάμαι, αλλά|συγγνώμη, αλλά|δεν μπορώ να
لا أعرف|لا أعلم|لا أدري|لا يمكنني|آسف، لا|عذرا، لا|أعتذر
אני לא יודע|לא יודע|אינני יודע|מצטער, אני|אני מצטער|אין לי מידע
मुझे नहीं पता|मुझे पता नहीं|मुझे नहीं मालूम|मैं नहीं जानता|क्षमा करें|मुझे खेद है|माफ़ कीजिए
আমি জানি না|আমার জানা নেই|দুঃখিত, আমি
我不知道|不知道|我不清楚|我无法|无法回答|无法确定|抱歉，我|抱歉，无|对不起，我|很抱歉|作为一个人工智能|作为人工智能|作为一个语言模型
わかりません|分かりません|知りません|申し訳ありません|申し訳ございません|すみません、|お答えできません
모르겠습니다|모릅니다|잘 모르겠습니다|죄송합니다|죄송하지만|알 수 없습니다
ไม่ทราบ|ฉันไม่ทราบ|ไม่รู้|ฉันไม่รู้|ขออภัย|ขอโทษ
"""
_REFUSED_WHOLE = (
    "unknown|not known|n/a|not available|not applicable|unbekannt|inconnu|desconocido|desconhecido|неизвестно"
)
_REFUSED_WHOLE += "|sconosciuto|onbekend|bilinmiyor|άγνωστο|غير معروف|לא ידוע|अज्ञात|অজানা|未知|不明|알 수 없음|ไม่มีข้อมูล"


@lru_cache(maxsize=64)
def _refusals(lang: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """(beginnings, whole lines), normalised as a line of that language would be."""
    begun = [_undotted(normalize(text, lang=lang)) for text in re.split(r"[|\n]", _REFUSALS.strip())]
    whole = frozenset(_undotted(normalize(text, lang=lang)) for text in _REFUSED_WHOLE.split("|"))
    return tuple(t if _SPACELESS.match(t[-1:]) else t + " " for t in begun), whole


def _undotted(text: str) -> str:
    """Both Turkish letters as one: an English refusal in a Turkish item was folded by Turkish rules."""
    return text.replace("ı", "i")


def _failure(line: str, accepted: Sequence[str], others: Sequence[str], lang: str) -> Failure:
    """What kept a wrong reply from being an answer, "" if nothing did."""
    begun, whole = _refusals(lang)
    if _undotted(line) in whole or (_undotted(line) + " ").startswith(begun):
        return "refusal"
    expected = (_written(tuple(accepted), lang) or _written(tuple(others), lang)) | scripts_of_language(lang)
    return "script" if expected and letters_outside(line, expected) > 0.5 else ""


@lru_cache(maxsize=8192)
def _written(texts: tuple[str, ...], lang: str) -> frozenset[str]:
    """Scripts that these answers are written in."""
    return frozenset(count_scripts(normalize(" ".join(texts), lang=lang)))
