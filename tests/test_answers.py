"""Replies in many languages, and what the two judges make of them."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from seepage.answers import Read, read_answer, same_answer
from seepage.errors import BadSpec, NotTestable
from seepage.scripts import normalize

NORMAL = [  # text, lang, normal form
    ("The  U.S.A.!", "en", "usa"),
    ("J.R.R. Tolkien", "en", "jrr tolkien"),
    ("u.s.army", "en", "us army"),
    ("Alexander the Great", "en", "alexander great"),
    ("Hepatitis A", "en", "hepatitis a"),  # the last word is no article
    ("The", "en", "the"),
    ("the Nile", "", "the nile"),  # articles by language only
    ("El Salvador", "es", "el salvador"),
    ("O’Brien-Smith", "en", "o brien smith"),
    ("O'Brien–Smith", "en", "o brien smith"),
    ("Ｐａｒｉｓ", "en", "paris"),
    ("café", "fr", "café"),
    ("cafe\u0301", "fr", "café"),
    ("İstanbul", "en", "istanbul"),
    ("Windows™", "en", "windows"),
    ("C++, F# and A+.", "en", "c++ f# and a+"),
    ("Paris### Next", "en", "paris next"),
    ("<", "en", "<"),
    ("...", "en", "..."),
    ("1,234.50 %", "en", "1234.50"),
    ("1.234,50 €", "de", "1234,50"),
    ("1.234", "de", "1234"),
    ("1,234", "de", "1,234"),
    ("3.14", "de", "3,14"),
    ("1'234.5", "de-CH", "1234.5"),
    ("1’234’567", "fr-CH", "1234567"),
    ("12,34,567", "hi", "1234567"),
    ("12,34,567", "en-IN", "1234567"),
    ("1 234 567,5", "fr", "1234567,5"),
    ("1\u202f234\u202f567", "en", "1234567"),
    ("1 234 567", "en", "1 234 567"),
    ("1,234,567.8", "de", "1234567,8"),  # only one reading, whatever the language
    ("1,234", "", "1,234"),  # two readings
    ("1,234,567", "", "1234567"),
    ("4,5", "en", "4,5"),
    ("4,5", "", "4.5"),
    ("1,2,3", "en", "1 2 3"),
    (".5", "en", "0.5"),
    ("1,234", "es-MX", "1234"),
    ("1,234", "es", "1,234"),
    ("−5 or –3", "en", "-5 or -3"),
    ("-$5", "en", "-5"),
    ("- 5 apples", "en", "5 apples"),
    ("1914 – 1918", "en", "1914-1918"),
    ("10²³ = 10^23", "en", "10^23 10^23"),
    ("10⁻³", "en", "10^-3"),
    ("H₂O", "en", "h2o"),
    ("3½", "en", "3 1/2"),
    ("①②", "ja", "1 2"),
    ("10:30", "en", "10:30"),
    ("the 1990's", "en", "1990s"),
    ("Straße", "de", "strasse"),
    ("ISPARTA", "tr", "ısparta"),
    ("İzmir'dir", "tr", "izmir dir"),
    ("ΣΊΣΥΦΟΣ", "el", "σίσυφοσ"),
    ("مُحَمَّد", "ar", "محمد"),
    ("الأرضــ", "ar", "الارض"),
    ("٣٫٥", "ar", "3.5"),
    ("١٬٢٣٤", "ar", "1234"),
    ("آب", "fa", "آب"),
    ("می\u200cخواهم", "fa", "میخواهم"),
    ("हिन्दी", "hi", "हिन्दी"),
    ("१९४७", "hi", "1947"),
    ("১৯৭১", "bn", "1971"),
    ("กรุงเทพฯ!", "th", "กรุงเทพฯ"),
    ("๒๕๖๗", "th", "2567"),
    ("１９９０年", "ja", "1990 年"),
    ("iPhone手机", "zh", "iphone 手机"),
    ("1990년", "ko", "1990 년"),
    ("שָׁלוֹם", "he", "שלום"),
    ("ב-1948", "he", "ב 1948"),
]


@pytest.mark.parametrize(("text", "lang", "normal"), NORMAL)
def test_normal_form(text: str, lang: str, normal: str) -> None:
    assert normalize(text, lang=lang) == normal
    assert normalize(normal, lang=lang) == normal


RIGHT, PART, WRONG = (True, True), (False, True), (False, False)
READ = [  # lang, answer type, reply, accepted, others, (strict, lenient)
    # English
    ("en", "name", "Paris", ("Paris",), ("London",), RIGHT),
    ("en", "name", " paris.\nLondon", ("Paris",), ("London",), RIGHT),  # the first line alone
    ("en", "name", "\n \nParis", ("Paris",), (), RIGHT),
    ("en", "name", "It is Paris.", ("Paris",), ("London",), PART),
    ("en", "name", "Paris or London", ("Paris",), ("London",), WRONG),
    ("en", "name", "Parisian", ("Paris",), (), WRONG),
    ("en", "name", "the Nile", ("Nile",), ("Amazon",), RIGHT),
    ("en", "name", "Newton's", ("Newton",), ("Leibniz",), PART),
    ("en", "name", "New York", ("New York",), ("York",), RIGHT),
    ("en", "name", "It is New York", ("New York",), ("York",), PART),
    ("en", "name", "New York", ("York",), ("New York",), WRONG),
    ("en", "name", "in New York", ("York",), ("New York",), WRONG),
    ("en", "name", "York, not New York", ("York",), ("New York",), WRONG),
    ("en", "name", "in New York City", ("New York", "New York City"), ("York",), PART),
    ("en", "name", "see New York City", ("York City",), ("New York",), WRONG),  # names both
    ("en", "name", "USA", ("U.S.A.",), (), RIGHT),
    ("en", "other", "Hepatitis C", ("Hepatitis A",), ("Hepatitis B",), WRONG),
    ("en", "other", "<", ("<",), (">",), RIGHT),
    ("en", "other", ">", ("<",), (">",), WRONG),
    ("en", "other", "C", ("C++",), ("C",), WRONG),
    ("en", "other", "He", ("He",), ("H",), RIGHT),
    ("en", "other", "Helium", ("He",), (), WRONG),
    ("en", "other", "The symbol is He", ("He",), ("H",), PART),
    # numbers
    ("en", "number", "4", ("4",), ("5",), RIGHT),
    ("en", "number", "The answer is 4.", ("4",), ("5",), PART),
    ("en", "number", "4 or 5", ("4",), ("5",), WRONG),
    ("en", "number", "4 or 5", ("4",), ("7",), PART),  # 5 is no option: not known as one
    ("en", "number", "14", ("4",), (), WRONG),
    ("en", "number", "4.5", ("4",), (), WRONG),
    ("en", "number", "It is 4,5", ("4",), (), WRONG),
    ("en", "number", "4/5", ("4",), (), WRONG),
    ("en", "number", "the 4th", ("4",), (), WRONG),
    ("en", "number", "2004-2010", ("2004",), (), WRONG),
    ("en", "number", "-4", ("4",), (), WRONG),
    ("en", "number", "4.0", ("4",), (), RIGHT),
    ("en", "other", "4.50", ("4.5",), (), RIGHT),
    ("en", "name", "Agent 007", ("Agent 7",), (), WRONG),
    ("en", "number", "1234", ("1,234",), (), RIGHT),
    ("en", "number", "about 1,234.00 men", ("1234",), (), PART),
    ("en", "number", "1.234", ("1,234",), (), WRONG),
    ("en", "number", "10²", ("102",), (), WRONG),
    ("en", "number", "-0", ("0",), (), RIGHT),
    ("", "number", "1.234", ("1,234",), (), WRONG),  # no language, no guess
    ("de-CH", "number", "1'234", ("1234",), (), RIGHT),
    ("hi", "number", "12,34,567", ("1234567",), (), RIGHT),
    # dates
    ("en", "date", "3 March 1900", ("March 3, 1900",), (), RIGHT),
    ("en", "date", "1900-03-03", ("March 3rd, 1900",), (), RIGHT),
    ("en", "date", "the 3rd of March, 1900", ("1900-3-3",), (), RIGHT),
    ("en", "date", "On Mar. 3, 1900", ("1900-03-03",), ("1900-03-04",), PART),
    ("en", "date", "April 3, 1900", ("March 4, 1900",), (), WRONG),
    ("en", "date", "03/04/1900", ("April 3, 1900",), (), WRONG),  # which is the month?
    ("en", "date", "25/12/1900", ("Dec 25, 1900",), (), RIGHT),
    ("en", "date", "12/25/1900", ("Dec 25, 1900",), (), RIGHT),
    ("en", "date", "March 3, 1900", ("1900",), ("1901",), PART),
    ("en", "date", "March 3, 1900", ("March 1900",), (), PART),
    ("en", "date", "1900-03-03", ("1900",), ("1901",), PART),
    ("en", "date", "1900-1918", ("1900",), (), WRONG),
    ("en", "date", "March 3, 1900", ("March 3, 1900",), ("March 1900",), RIGHT),
    ("en", "date", "on March 3, 1900", ("March 3, 1900",), ("March 1900", "1900"), PART),
    ("en", "date", "on March 3, 1900", ("March 1900",), ("March 3, 1900",), WRONG),
    ("ja", "date", "1900年3月3日", ("1900-03-03",), (), RIGHT),
    ("ko", "date", "1900년 3월 3일", ("1900-03-03",), (), RIGHT),
    ("en", "other", "3 March 1900", ("March 3, 1900",), (), WRONG),  # only where the item says it is a date
    # German
    ("de", "name", "Strasse des 17. Juni", ("Straße des 17. Juni",), (), RIGHT),
    ("de", "number", "1.234", ("1234",), (), RIGHT),
    ("de", "number", "3,50", ("3,5",), (), RIGHT),
    ("de", "number", "Es sind 1.234,5 m", ("1234,5",), (), PART),
    ("de", "number", "1,234", ("1234",), (), WRONG),
    # Turkish
    ("tr", "name", "ISPARTA", ("Isparta",), ("İzmir",), RIGHT),
    ("tr", "name", "ısparta", ("ISPARTA",), (), RIGHT),
    ("tr", "name", "isparta", ("Isparta",), (), WRONG),
    ("tr", "name", "Başkent Ankara'dır.", ("Ankara",), ("İstanbul",), PART),
    # Greek
    ("el", "name", "ΣΊΣΥΦΟΣ", ("Σίσυφος",), (), RIGHT),
    ("el", "name", "Ήταν ο Σίσυφος.", ("ΣΊΣΥΦΟΣ",), ("Τάνταλος",), PART),
    # Arabic
    ("ar", "name", "القَاهِرَة", ("القاهرة",), (), RIGHT),
    ("ar", "name", "احمد", ("أحمد",), (), RIGHT),
    ("ar", "name", "الجواب: القـــاهرة، مصر", ("القاهرة",), ("بغداد",), PART),
    ("ar", "number", "١٩٥٢", ("1952",), (), RIGHT),
    # Hindi, Bengali: a vowel sign tells words apart
    ("hi", "name", "दिल्ली", ("दिल्ली",), ("मुंबई",), RIGHT),
    ("hi", "other", "कल", ("काल",), (), WRONG),
    ("hi", "other", "कि", ("क",), (), WRONG),
    ("hi", "number", "वर्ष १९४७ में", ("1947",), ("1950",), PART),
    ("bn", "name", "ঢাকা।", ("ঢাকা",), (), RIGHT),
    ("bn", "other", "কল", ("কলা",), (), WRONG),
    ("bn", "number", "১৯৭১", ("1971",), (), RIGHT),
    # Thai: tone marks and vowels above tell words apart, no spaces between words
    ("th", "name", "เมืองหลวงคือกรุงเทพมหานครครับ", ("กรุงเทพมหานคร",), ("เชียงใหม่",), PART),
    ("th", "other", "มา", ("ม้า",), (), WRONG),
    ("th", "number", "๒๕", ("25",), (), RIGHT),
    # Chinese
    ("zh", "name", "答案是北京。", ("北京",), ("上海",), PART),
    ("zh", "name", "北京或上海", ("北京",), ("上海",), WRONG),
    ("zh", "name", "东京都", ("东京",), ("京都",), PART),
    ("zh", "name", "东京都", ("京都",), ("东京",), WRONG),
    ("zh", "other", "水", ("水",), ("火",), RIGHT),
    ("zh", "other", "答案是水", ("水",), (), WRONG),  # one character may be part of any word
    ("zh", "number", "一共4个", ("4",), ("5",), PART),
    ("zh", "number", "一共14个", ("4",), (), WRONG),
    # Japanese
    ("ja", "number", "１９４５年", ("1945",), (), PART),
    ("ja", "number", "１，２３４", ("1234",), (), RIGHT),
    ("ja", "name", "ｼﾞｮﾝ・ﾚﾉﾝ", ("ジョン レノン",), (), RIGHT),
    ("ja", "name", "ジョンレノンです", ("ジョン・レノン",), (), PART),
    # Korean
    ("ko", "name", "서울", ("서울",), ("부산",), RIGHT),
    ("ko", "name", "수도는 서울입니다.", ("서울",), ("부산",), PART),
    ("ko", "name", "고양이", ("고양",), (), WRONG),
    ("ko", "number", "1945년", ("1945",), (), PART),
    # Russian, French
    ("ru", "number", "1 234 567", ("1234567",), (), RIGHT),
    ("ru", "name", "Это Лев Толстой.", ("Толстой", "Лев Толстой"), ("Чехов",), PART),
    ("fr", "name", "C’est l'Élysée", ("Élysée",), (), PART),
    # Hebrew
    ("he", "name", "יְרוּשָׁלַיִם", ("ירושלים",), (), RIGHT),
    ("he", "number", "ב-1948", ("1948",), ("1967",), PART),
]


@pytest.mark.parametrize(("lang", "kind", "reply", "accepted", "others", "judged"), READ)
def test_reply_is_judged(lang, kind, reply, accepted, others, judged) -> None:
    read = read_answer(reply, accepted=accepted, others=others, lang=lang, answer_type=kind)
    assert (read.strict, read.lenient) == judged


def test_an_option_equal_to_the_answer_takes_the_lenient_judgement() -> None:
    read = read_answer("usa", accepted=("USA",), others=("U.S.A.",), lang="en")
    assert (read.strict, read.lenient) == (True, False)


FAILURES = [  # lang, reply, accepted, others, ended, n_tokens, failure
    ("en", "", ("Paris",), (), True, 0, "end"),
    ("en", "", ("Paris",), (), True, None, "end"),
    ("en", "", ("Paris",), (), False, None, "empty"),
    ("en", "", ("Paris",), (), True, 5, "empty"),  # tokens that leave no text are something said
    ("en", " \n\t\u200b\n", ("Paris",), (), True, 3, "empty"),
    ("en", "I don’t know.", ("Paris",), (), True, 5, "refusal"),
    ("en", "I'm sorry, but I can't help with that.", ("Paris",), (), True, 5, "refusal"),
    ("de", "Das weiß ich leider nicht", ("Paris",), (), True, 5, ""),  # not in the list: wrong, no failure
    ("de", "Ich weiß es nicht.", ("Paris",), (), True, 5, "refusal"),
    ("tr", "I DON'T KNOW", ("Ankara",), (), True, 5, "refusal"),
    ("fr", "Je ne sais pas", ("Paris",), (), True, 5, "refusal"),
    ("zh", "抱歉,我无法回答这个问题", ("北京",), (), True, 5, "refusal"),
    ("ja", "わかりません。", ("東京",), (), True, 5, "refusal"),
    ("ko", "모르겠습니다.", ("서울",), (), True, 5, "refusal"),
    ("ru", "Я не знаю", ("Москва",), (), True, 5, "refusal"),
    ("ar", "لا أعرف", ("القاهرة",), (), True, 5, "refusal"),
    ("hi", "मुझे नहीं पता", ("दिल्ली",), (), True, 5, "refusal"),
    ("th", "ขอโทษครับ", ("กรุงเทพ",), (), True, 5, "refusal"),
    ("en", "Unknown", ("Paris",), (), True, 1, "refusal"),
    ("en", "Unknown", ("unknown",), (), True, 1, ""),
    ("en", "Cannot be determined", ("Paris",), ("Cannot be determined",), True, 4, ""),
    ("en", "The Unknown Soldier", ("Paris",), (), True, 4, ""),
    ("en", "Sorry", ("Hello",), (), True, 1, ""),
    ("en", "(I Can't Get No) Satisfaction", ("Angie",), (), True, 9, ""),
    ("en", "I don't know, perhaps Paris", ("Paris",), ("London",), True, 9, ""),
    ("en", "巴黎", ("Paris",), (), True, 2, "script"),
    ("", "巴黎", ("Paris",), (), True, 2, "script"),
    ("ru", "Moscow", ("Москва",), (), True, 2, "script"),
    ("zh", "The capital is Beijing", ("北京",), (), True, 4, "script"),
    ("hi", "Robert", ("Albert Einstein",), (), True, 2, ""),  # a Latin name where the answer is one
    ("hi", "रॉबर्ट", ("Albert Einstein",), (), True, 2, ""),
    ("hi", "यह Robert है जो वहाँ गया था", ("आइंस्टीन",), (), True, 9, ""),  # a minority of its letters
    ("hi", "यह Robert Oppenheimer है", ("आइंस्टीन",), (), True, 9, "script"),
    ("ja", "京都", ("東京",), (), True, 2, ""),
    ("sr-Latn", "Београд", ("Niš",), (), True, 2, "script"),
    ("sr", "Београд", ("Niš",), (), True, 2, ""),
    ("en", "57", ("Paris",), (), True, 1, ""),  # a number has no script
    ("", "шесть", ("4",), (), True, 2, ""),  # nothing says which script is expected
    ("", "шесть", ("4",), ("none of them",), True, 2, "script"),
    ("ja", "ﾊﾟﾘ", ("ロンドン",), (), True, 2, ""),
]


@pytest.mark.parametrize(("lang", "reply", "accepted", "others", "ended", "n_tokens", "failure"), FAILURES)
def test_what_is_no_answer_has_a_name(lang, reply, accepted, others, ended, n_tokens, failure) -> None:
    read = read_answer(reply, accepted=accepted, others=others, lang=lang, ended=ended, n_tokens=n_tokens)
    assert read.failure == failure


SAME = [  # a, b, lang, answer type, equal
    ("1,234", "1234.0", "en", "number", True),
    ("1,234", "1.234", "en", "number", False),
    ("007", "7", "en", "name", False),
    ("New York", "new-york", "en", "name", True),
    ("New York", "York", "en", "name", False),
    ("March 3, 1900", "3 March 1900", "en", "date", True),
    ("3/4/1900", "4/3/1900", "en", "date", False),
    ("東京", "東 京", "ja", "name", True),
    ("", "...", "en", "other", False),
    ("I", "i", "tr", "other", False),
]


@pytest.mark.parametrize(("a", "b", "lang", "kind", "equal"), SAME)
def test_answers_are_compared_as_the_strict_judge_does(a, b, lang, kind, equal) -> None:
    assert same_answer(a, b, lang=lang, answer_type=kind) is equal
    assert same_answer(b, a, lang=lang, answer_type=kind) is equal


def test_an_item_without_an_accepted_answer_is_refused() -> None:
    for accepted in ((), ("",), (" \n",)):
        with pytest.raises(NotTestable, match="aliases"):
            read_answer("Paris", accepted=accepted)


def test_one_text_in_place_of_several_is_refused() -> None:
    with pytest.raises(BadSpec, match=r"accepted=\('Paris',\)"):
        read_answer("Paris", accepted="Paris")


# --- properties -----------------------------------------------------------------------------------------------------

LANGS = st.sampled_from(
    ["", "en", "de", "de-CH", "tr", "el", "ar", "fa", "hi", "bn", "th", "zh", "ja", "ko", "ru", "fr", "he"]
)
KINDS = st.sampled_from(["number", "date", "name", "other"])
LIKELY = st.text(
    "aAiIİıbé σςΣ0123456789١२.,.,''’-−–/:^+#²½ \u00a0\u0301\u0307اأُـ्कि京東アﾊﾟー서울은กำ()$", min_size=1, max_size=14
)
TEXTS = st.one_of(st.text(max_size=20), LIKELY)
WORDS = st.lists(
    st.sampled_from(["new", "york", "city", "4", "4.5", "1", "234", "北京", "水", "서울", "a"]), min_size=1, max_size=3
)
OPTIONS = st.lists(WORDS.map(" ".join), min_size=2, max_size=5)


@settings(max_examples=300, deadline=None)
@given(TEXTS, LANGS)
@example("u.s.army", "en")
@example("12; 345", "fr")
@example("\u0627\u0654\u0655", "ar")
@example("ᄀ.ᅡ.", "ko")
@example("ក²", "")
@example("İ\u05b8\u0308", "bn")
def test_normalising_twice_changes_nothing(text, lang) -> None:
    once = normalize(text, lang=lang)
    assert normalize(once, lang=lang) == once
    assert once == " ".join(once.split())


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(TEXTS, max_size=4), LANGS, KINDS)
def test_every_accepted_answer_is_strictly_right_as_its_own_reply(accepted, others, lang, kind) -> None:
    accepted = [a for a in accepted if len(a.splitlines()) == 1 and normalize(a, lang=lang)]
    assume(accepted)
    for answer in accepted:
        read = read_answer(answer, accepted=accepted, others=others, lang=lang, answer_type=kind)
        equal = any(same_answer(answer, other, lang=lang, answer_type=kind) for other in others)
        assert read.strict
        assert read.lenient is not equal
        assert read.failure == ""


@pytest.mark.parametrize("between", [", ", "; ", " or ", " and "])
def test_an_answer_that_ends_in_a_letter_is_found_within_a_line(between) -> None:
    """Its last word is no article, wherever it stands."""

    def read(reply, gold, *others):
        return read_answer(reply, accepted=(gold,), others=others, lang="en", answer_type="name")

    both = f"Vitamin A{between}Vitamin B"
    assert not read(both, "Vitamin B", "Vitamin A").lenient
    assert not read(both, "Vitamin A", "Vitamin B").lenient
    assert read("Vitamin A, of course", "Vitamin A", "Vitamin B").lenient
    assert not read("Vitamin A, of course", "Vitamin B", "Vitamin A").lenient
    assert read("a Vitamin B", "Vitamin B", "Vitamin A").lenient


@settings(max_examples=100, deadline=None)
@given(OPTIONS, st.sampled_from([", ", "; ", " or ", "\u3001"]), LANGS, KINDS, st.randoms())
@example(["new", "york a"], ", ", "en", "number", Random(1))
@example(["new", "york a"], " or ", "en", "number", Random(1))
@example(["b x d", "a b", "x", "d e"], ", ", "en", "name", None)
@example(["a b", "b"], ", ", "en", "name", None)
def test_a_reply_that_lists_all_options_is_never_right(options, mark, lang, kind, random) -> None:
    gold, others = options[0], options[1:]
    assume(
        not set(gold.split()) <= {word for other in others for word in other.split()}
    )  # "york, new" spells "york new"
    assume(lang[:2] != "en" or not {"a", "an", "the"} & set(options))  # "a, new" reads as "a new"
    groups = normalize("1 234", lang=lang) == "1234"  # there "4, 234" reads as one number
    assume(not groups or sum(any(map(str.isdigit, option)) for option in options) < 2)
    shown = list(options)
    if random is not None:
        random.shuffle(shown)
    read = read_answer(mark.join(shown), accepted=(gold,), others=others, lang=lang, answer_type=kind)
    assert not read.strict
    assert not read.lenient


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, max_size=3), LANGS, KINDS)
def test_strict_implies_lenient_unless_another_option_is_equal(reply, accepted, others, lang, kind) -> None:
    assume(any(normalize(a, lang=lang) for a in accepted))
    read = read_answer(reply, accepted=accepted, others=others, lang=lang, answer_type=kind)
    if read.strict and not read.lenient:
        right = [a for a in accepted if same_answer(reply.splitlines()[0], a, lang=lang, answer_type=kind)]
        assert not right or any(same_answer(a, o, lang=lang, answer_type=kind) for a in right for o in others)
    if read.failure:
        assert (read.strict, read.lenient) == (False, False)


# --- untrusted text -------------------------------------------------------------------------------------------------

HOSTILE = [
    "a",
    " ",
    "\n",
    "0",
    "1,",
    "1.",
    "a.",
    "1 234 ",
    "- ",
    "^",
    "1-",
    "+",
    "'",
    "\u200b\n",
    "京",
    "¹",
    "\u2212 ",
    "1\u00a0",
    "New York ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_reply_of_a_megabyte_is_read_at_once(piece) -> None:
    reply = piece * (1_000_000 // len(piece))
    started = time.process_time()
    read = read_answer(reply + "!", accepted=("New York", "4", "京都"), others=("York", "5", "0.5"), lang="fr")
    assert isinstance(read, Read)
    assert time.process_time() - started < 2.0  # seconds; a square law would take minutes


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_normalising_takes_time_in_proportion_to_the_text(piece, lang) -> None:
    started = time.process_time()
    normalize(piece * (100_000 // len(piece)) + "!", lang=lang)
    assert time.process_time() - started < 2.0  # seconds; a square law would take minutes
