"""One form for texts that say the same: letters, digits, numbers and spaces, by language and script.

    normalize("The U.S.A.!", lang="en")      -> "usa"           normalize("१९४७", lang="hi")        -> "1947"
    normalize("ISPARTA", lang="tr")          -> "ısparta"       normalize("1.234,50 €", lang="de")  -> "1234,50"

What is kept matters as much: combining marks of Indic and Thai scripts are vowels, accents of Latin letters tell words
apart, and a number keeps its sign and its decimal mark. Marks of numbers by language are those of Unicode CLDR.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

# --- tables by language ---------------------------------------------------------------------------------------------


def _tags(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Only English: "El Salvador" is not "Salvador" and "Die Zeit" not "Zeit", but "the Nile" is "Nile".
_ARTICLES = {"en": frozenset({"a", "an", "the"})}
_DOTTED_I = frozenset({"tr", "az"})
_DECIMAL_COMMA = _tags(
    "af az be bg bs ca cs da de el es et eu fi fo fr gl hr hu hy id is it ka kk ky lt lv mk mn nb nl nn no pl pt ro ru"
    " sk sl sq sr sv tg tk tr tt uk uz vi"
)
_DECIMAL_POINT_REGIONS = _tags("de-ch de-li it-ch es-mx es-us es-gt es-hn es-ni es-pa es-pe es-pr es-sv es-do")
_DECIMAL_COMMA_REGIONS = frozenset({"ar-dz", "ar-ma", "ar-tn", "ar-ly"})
_SPACE_GROUPS = _tags("be bg cs et fi fr hu hy ka kk ky lt lv nb nn no pl ru sk sq sv uk")
_MADDA_IS_A_LETTER = _tags("fa ur ps sd ckb ug ks pa")  # in these languages "آ" and "ا" spell other words
_MARKS_ARE_VOWELS = frozenset({"ks"})  # Kashmiri writes its vowels with the marks that Arabic leaves out

_SCRIPTS: dict[str, frozenset[str]] = {
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "zh": frozenset({"CJK", "BOPOMOFO"}),
    "yue": frozenset({"CJK"}),
    "sr": frozenset({"CYRILLIC", "LATIN"}),
    **{
        tag: frozenset({script})
        for script, tags in {
            "LATIN": "af az ca cs da de en es et eu fi fr ga gl hr hu id is it lt lv ms nb nl nn no pl pt ro sk sl sq"
            " sv sw tl tr vi",
            "CYRILLIC": "be bg kk ky mk mn ru tg uk",
            "ARABIC": "ar fa ps sd ug ur",
            "DEVANAGARI": "hi mr ne sa",
            "BENGALI": "as bn",
            "GREEK": "el",
            "HEBREW": "he yi",
            "HANGUL": "ko",
            "THAI": "th",
            "LAO": "lo",
            "KHMER": "km",
            "MYANMAR": "my",
            "TAMIL": "ta",
            "TELUGU": "te",
            "KANNADA": "kn",
            "MALAYALAM": "ml",
            "GUJARATI": "gu",
            "GURMUKHI": "pa",
            "SINHALA": "si",
            "GEORGIAN": "ka",
            "ARMENIAN": "hy",
            "ETHIOPIC": "am ti",
        }.items()
        for tag in tags.split()
    },
}
_SUBTAGS = {"latn": "LATIN", "cyrl": "CYRILLIC", "arab": "ARABIC", "deva": "DEVANAGARI", "beng": "BENGALI"}

# Thai, Lao, Myanmar, Khmer, kana, Han: written without spaces between words. A class body for `re`.
SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)


def primary(lang: str) -> str:
    """The language of a BCP 47 tag, in small letters: "pt" of "pt-BR"."""
    return lang.replace("_", "-").lower().split("-")[0]


def decimal_mark(lang: str) -> str:
    """ "." or "," as the language writes it, "" where no language is stated."""
    if not lang:
        return ""
    parts = lang.replace("_", "-").lower().split("-")
    place = f"{parts[0]}-{parts[-1]}"
    comma = (parts[0] in _DECIMAL_COMMA and place not in _DECIMAL_POINT_REGIONS) or place in _DECIMAL_COMMA_REGIONS
    return "," if comma else "."


def scripts_of_language(lang: str) -> frozenset[str]:
    """Scripts that the language is written in, as the first words of Unicode names; empty where we do not know."""
    named = {_SUBTAGS[part] for part in lang.replace("_", "-").lower().split("-")[1:] if part in _SUBTAGS}
    return frozenset(named) or _SCRIPTS.get(primary(lang), frozenset())


def count_scripts(text: str) -> Counter[str]:
    """Letters by script ("LATIN", "CJK", ...); digits, marks and signs belong to none."""
    counts: Counter[str] = Counter()
    for character, n in Counter(text).items():
        if unicodedata.category(character)[0] == "L":
            counts[re.split(r"[ -]", unicodedata.name(character, "UNNAMED"))[0]] += n
    return counts


# --- the normal form ------------------------------------------------------------------------------------------------


def articles_of(lang: str) -> frozenset[str]:
    """Words that `normalize` leaves out in front of others."""
    return _ARTICLES.get(primary(lang), frozenset())


def normalize(text: str, *, lang: str, keep_articles: bool = False) -> str:
    """The words of a text, one blank between them; the same again when normalised again.

    Marks and symbols are blanks, except inside numbers ("4.5", "1/2", "10:30", "1914-1918", "10^-3" are one word each),
    a sign in front of a number, and the + or # of a name of one or two letters ("C++", "F#"). A text of symbols alone
    stays as it is, so that an answer "<" can be given. A number is written without thousands marks and with the
    decimal mark of its language; one that could be read in two ways ("1,234" in no language) keeps its marks.
    lang: BCP 47 tag, "" where unknown.
    """
    language = primary(lang)
    plain = _letters(_compatible(text), language)
    words = plain.translate({ord(c): _mark(c, lang) for c in set(plain)})
    words = _RANGE.sub("-", words)
    words = _LEADING_POINT.sub("0.", words)
    words = _INITIALS.sub(lambda m: m[0].replace(".", ""), words)
    words = _NUMBER.sub(lambda m: _number(m[0], decimal_mark(lang)), words)
    words = _DECADE.sub("s", words)
    words = _MARKS.sub(lambda m: " " if m[1] else m[0], words)
    words = " ".join(_SEAM.sub(" ", words).split())
    if not words:
        return " ".join(plain.split())
    if language in _SPACE_GROUPS:
        words = _SPACED_NUMBER.sub(lambda m: m[0].replace(" ", ""), words)
    articles = frozenset() if keep_articles else articles_of(lang)
    tokens = words.split(" ")
    # An article stands before something: the last word of "Hepatitis A" is a name.
    return " ".join(t for i, t in enumerate(tokens) if t not in articles or i == len(tokens) - 1)


_W = r"[^\s.,'/:^+#\-]"  # part of a word, once `_mark` has made all other signs blanks
_L = rf"[^\W\d_\u1100-\u11ff{SPACELESS}]"  # a letter of a script with spaces; conjoining jamo are parts of one
_BASE = _W[:-1] + SPACELESS + "]"  # what may carry an exponent
_SUPER = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_HARD_SPACED = re.compile("(?<!\\d)\\d{1,3}(?:[\u00a0\u2009\u202f]\\d{3})+(?!\\d)")
_LONE_MINUS = re.compile("(?:(?<=^)|(?<=[^\\d\\s])|(?<=[^\\d\\s]\\s))\u2212\\s+(?=\\d)")
_CURRENCY = re.compile("[-\u2212–]\\s?([$€£¥])\\s?(?=[\\d.])")
_RANGE = re.compile(r"(?<=[0-9])\s+-\s+(?=[0-9])")
_LEADING_POINT = re.compile(r"(?<![^\s:/-])\.(?=[0-9])")
_INITIALS = re.compile(rf"(?<![^\s,'/:^+#-])(?:{_L}\.)+{_L}(?!{_W})(?:\.(?!{_W}))?")
_NUMBER = re.compile(r"[0-9]+(?:[.,'][0-9]+)*")
_DECADE = re.compile(rf"(?<=[0-9])'s(?!{_W})")  # the 1990's are not the year 1990
_MARKS = re.compile(
    r"(?<=[0-9])[.,'/:-](?=[0-9])"
    r"|(?<![^\s:,/])-(?=[0-9])"
    rf"|(?<={_BASE})\^(?=-?[0-9])|(?<={_BASE}\^)-(?=[0-9])"
    rf"|(?:(?<=^{_L})|(?<=\s{_L})|(?<=^{_L}{_L})|(?<=\s{_L}{_L}))(?:\+\+?|\#)(?![+\#]|{_W})"
    r"|([.,'/:^+#-])"
)
_SEAM = re.compile(
    f"(?<=[{SPACELESS}])(?=[^\\s{SPACELESS}])|(?<=[^\\s{SPACELESS}])(?=[{SPACELESS}])"
    "|(?<=[0-9])(?=[\uac00-\ud7a3])|(?<=[\uac00-\ud7a3])(?=[0-9])"
)
_SPACED_NUMBER = re.compile(r"(?<!\S)-?[1-9][0-9]{0,2}(?: [0-9]{3})+(?:,[0-9]+)?(?!\S)")


def _compatible(text: str) -> str:
    """NFKC, without what it would spoil: 10² would be 102, 3½ would be 31/2, ①② would be 12, X™ would be XTM."""
    text = _HARD_SPACED.sub(lambda m: re.sub(r"\s", "", m[0]), text)
    text = _SUPER.sub(lambda m: "^" + unicodedata.normalize("NFKC", m[0]), text)
    table: dict[int, str] = {}
    for character in set(text):
        kind = unicodedata.category(character)
        if kind in ("Cf", "Me") or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
            table[ord(character)] = ""
        elif kind in ("Cc", "Zs", "Zl", "Zp") or character in "™℠":
            table[ord(character)] = " "
        elif character == "\N{ACUTE ACCENT}":
            table[ord(character)] = "'"
        elif unicodedata.decomposition(character).startswith(("<circle>", "<fraction>", "<compat>")):
            table[ord(character)] = f" {character} " if character.isnumeric() else character
    text = unicodedata.normalize("NFKC", text.translate(table))
    return _CURRENCY.sub(r"\1-", _LONE_MINUS.sub("-", text))


def _letters(text: str, language: str) -> str:
    """Capitals to small letters by language; Arabic and Hebrew without the points that their readers do without."""
    if language in _DOTTED_I:
        text = text.replace("İ", "i").replace("I", "ı")
    for _ in range(3):  # folding may decompose, and composing may leave something to fold
        folded = unicodedata.normalize("NFKC", text.casefold())
        if folded == text:
            break
        text = folded
    text = re.sub("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640]", "", text)
    if language not in _MARKS_ARE_VOWELS:
        text = re.sub(
            "[\u0610-\u061a\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06ed]", "", text
        )
    text = unicodedata.normalize("NFC", text)  # what was dropped may have stood between a letter and its mark
    text = unicodedata.normalize("NFC", re.sub("i\u0307+", "i", text))
    if language not in _MADDA_IS_A_LETTER:
        text = re.sub("[\u0622\u0623\u0625\u0627\u0671][\u0653-\u0655]*", "\u0627", text)
    if language in ("fa", "ur"):
        text = text.replace("\u064a", "\u06cc").replace("\u0643", "\u06a9")
    return text


def _mark(character: str, lang: str) -> str:
    """What one character becomes: itself, an ASCII digit, a mark that numbers may need, or a blank."""
    if character in ".,'/:^+#-":
        return character
    if character in "’‘ʼ′＇":
        return "'"
    if character == "\N{FRACTION SLASH}":
        return "/"
    if character == "\N{ARABIC DECIMAL SEPARATOR}":
        return decimal_mark(lang) or "."
    if character == "\N{ARABIC THOUSANDS SEPARATOR}":
        return "'"
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    return character if kind[0] in "LMN" else " "


def _number(digits: str, decimal: str) -> str:
    """Digits with marks between them as one number in the writing of the language; as they came if two readings fit.

    decimal: "." or ",", "" where the language is unknown.
    """
    marks = [c for c in digits if c in ".,'"]
    if not marks:
        return digits
    last = marks[-1]
    whole, _, rest = digits.rpartition(last)
    if len(set(marks)) == 2 and marks.count(last) == 1 and last != "'":
        return _ungrouped(whole) + (decimal or ".") + rest if _grouped(whole) else digits
    if len(set(marks)) > 1:
        return digits
    if len(marks) > 1 or last == "'":
        if _grouped(digits):
            return _ungrouped(digits)
        return digits.replace(",", " ") if last == "," else digits
    if last == decimal:
        return digits
    if _grouped(digits):
        return _ungrouped(digits) if decimal else digits
    if last == "," and decimal == ".":
        return digits
    return whole + (decimal or ".") + rest


def _grouped(digits: str) -> bool:
    """Whether the marks stand where thousands, or lakhs and crores, have them."""
    return bool(
        re.fullmatch(r"[1-9][0-9]{0,2}(?:([.,'])[0-9]{3})(?:\1[0-9]{3})*|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}", digits)
    )


def _ungrouped(digits: str) -> str:
    return re.sub("[.,']", "", digits)


def letters_outside(text: str, scripts: Iterable[str]) -> float:
    """Share of the letters of `text` that are in none of the scripts, 0..1; 0 for a text without letters."""
    counts = count_scripts(text)
    known = set(scripts)
    return sum(n for script, n in counts.items() if script not in known) / max(1, counts.total())
