"""What the search takes for the same word."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.search import folding
from engine.search.folding import SEPARATOR, fold, fold_each, is_word_of_one, tokens
from tests.fuzz.profiles import fuzzed

# Letters of many scripts with the marks and signs that go with them, far likelier than over all of Unicode.
LETTERS = "aeiıİIſßẞøØłŁđæœþÞñÑéǰŉŐǅΐᾳς́̈̌͏'ʼ’-_.+#cCfF 0٣५²½ﬁǆKÅ한한田か゛が゙ガﾊﾟكکىیأُّשָׁकोमল়ামไทย\u200d\u200f\ufe0f\xad👩"
texts = st.text() | st.text(alphabet=LETTERS)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        (" \t\n", ""),
        ("Luján", "lujan"),
        ("lujan", "lujan"),
        ("LUJA\u0301N", "lujan"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("STRAẞE", "strasse"),
        ("Łódź", "lodz"),
        ("Ørsted", "orsted"),
        ("Đorđe", "dorde"),
        ("Sigurður Þór", "sigurdur thor"),
        ("Encyclopædia Œuvre", "encyclopaedia oeuvre"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "istanbul"),
        ("ıstanbul", "istanbul"),
        ("Ñandú", "nandu"),
        ("Nguyễn Thị Ánh", "nguyen thi anh"),
        ("ΟΔΥΣΣΕΎΣ", "οδυσσευσ"),
        ("Οδυσσεύς", "οδυσσευσ"),
        ("Фёдор Йовович", "федор иовович"),
        ("ﬁnance ＡＢＣ", "finance abc"),
        ("m² Ⅷ", "m2 viii"),
    ],
)
def test_accents_case_and_strokes_are_left_away(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("co-founder", "co founder"),
        ("under_score", "under score"),
        ("O'Brien", "o brien"),
        ("O’Brien", "o brien"),
        ("Oʼbrien", "o brien"),
        ("AT&T, Inc.", "at t inc"),
        ("Node.js 12:30", "node js 12 30"),
        ("soft\u00adware zero\u200bwidth", "software zerowidth"),
        ("e😀mail 👩‍💻", "e mail"),
        ("1️⃣", "1"),
        ("☃ — !", ""),
        ("\x00a\x1fb\x7f", "a b"),
        ("\ud800x", "x"),
        (SEPARATOR, ""),
    ],
)
def test_whatever_is_neither_letter_nor_digit_parts_words(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("田中太郎", "田 中 太 郎"),
        ("IBM田中", "ibm 田 中"),
        ("김민수", "김 민 수"),
        ("김 민수", "김 민 수"),
        (unicodedata.normalize("NFD", "김민수"), "김 민 수"),
        ("さくら", "さ く ら"),
        ("ガ", "ガ"),
        (unicodedata.normalize("NFD", "ガ"), "ガ"),
        ("ﾀﾞｲ", "ダ イ"),
        ("々ー〇", "々 ー 〇"),
        ("\uf900", "豈"),  # a compatibility ideograph
    ],
)
def test_a_character_of_a_script_without_blanks_is_a_word_of_its_own(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert all(is_word_of_one(token) for token in tokens(text) if not token.isascii())


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("محمد", "محمد"),
        ("مُحَمَّد", "محمد"),
        ("محـــمد", "محمد"),
        ("\u202bأحمد\u202c", "احمد"),
        ("علی", "علي"),
        ("کريم", "كريم"),
        ("می\u200cخواهم", "ميخواهم"),
        ("שָׁלוֹם", "שלום"),
        ("१२ ٣٤", "12 34"),
    ],
)
def test_right_to_left_names_are_found_without_their_points(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_vowel_sign_is_no_accent() -> None:
    assert fold("कोमल") != fold("कमल")
    assert fold("โท") != fold("ไท")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("C", "c"),
        ("C++", "cplusplus"),
        ("c++17", "cplusplus 17"),
        ("C#", "csharp"),
        ("CSharp", "csharp"),
        ("C/C++/F#", "c cplusplus fsharp"),
        ("Ｃ＋＋", "cplusplus"),
        ("使用C#", "使 用 csharp"),
        ("“C++”", "cplusplus"),
        ("Objective-C", "objective c"),
        ("basic++ #1 A+", "basic 1 a"),
    ],
)
def test_c_and_its_children_are_different_skills(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_between_two_skills_stands_what_no_text_folds_to() -> None:
    assert fold_each(["Public Law", "Ñandú"]) == f"public law {SEPARATOR} nandu"
    assert fold_each([]) == ""


@fuzzed
@given(texts)
@example("\u1100\u200d\u1161")
@example("か\u200d\u3099")
@example("\u09c7\u200d\u09be")
@example("x\u0345")
@example("क\u094d\u200d\u093c")
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded == " ".join(tokens(text))
    assert SEPARATOR not in folded


@fuzzed
@given(texts)
@example("ı")
@example("ᾳ\u0301")
@example("ŉ#")
@example("ΐF#")
def test_neither_composition_nor_case_makes_a_difference(text: str) -> None:
    folded = fold(text)
    assert fold(unicodedata.normalize("NFC", text)) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded
    assert fold(text.upper()) == folded
    assert fold(text.lower()) == folded
    assert fold(text.casefold()) == folded


@fuzzed
@given(st.text(alphabet=st.characters(max_codepoint=127)) | st.text(alphabet="cC+#fF_ 1\x1f"))
@example("".join(map(chr, range(128))))
def test_the_quick_path_for_ascii_agrees_with_the_other(text: str) -> None:
    assert fold(text) == folding._fold_any(text)


@fuzzed
@given(st.lists(texts))
def test_words_fold_one_by_one_as_they_fold_together(parts: list[str]) -> None:
    assert fold(" ".join(parts)) == " ".join(filter(None, map(fold, parts)))


def test_every_character_alone_folds_to_what_is_already_folded() -> None:
    for code in range(0x110000):
        folded = fold(chr(code))
        assert fold(folded) == folded, hex(code)


def test_only_letters_are_remembered() -> None:
    before = len(folding._TABLE)
    fold("\ue000\ue001\u2603\U000f0000")
    assert len(folding._TABLE) == before
