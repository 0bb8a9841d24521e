import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.addresses import BadAddress, is_ordinary, normalise_address


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann.Lee@Example.ORG\t", "ann.lee@example.org"),
        ("<ann@example.org>", "ann@example.org"),
        ("mailto:ann@example.org", "ann@example.org"),
        ("< MAILTO:Ann@example.org >", "ann@example.org"),
        ("mailto:<ann@example.org>", "ann@example.org"),
        ("ann@exämple.org", "ann@xn--exmple-cua.org"),
        ("ann@EXÄMPLE.org", "ann@xn--exmple-cua.org"),
        ("ann@xn--exmple-cua.org", "ann@xn--exmple-cua.org"),
        ("ann@straße.de", "ann@xn--strae-oqa.de"),
        ("Zoe\u0308@example.org", "zoë@example.org"),
        ("o'brien+jobs@example.org", "o'brien+jobs@example.org"),
        ("a&b=c@example.org", "a&b=c@example.org"),
        ("ann@example.test", "ann@example.test"),
    ],
)
def test_an_address_has_one_spelling(written: str, normal: str) -> None:
    assert normalise_address(written) == normal
    assert normalise_address(normal) == normal


@pytest.mark.parametrize(
    "written",
    [
        "",
        "<>",
        "ann",
        "ann@",
        "@example.org",
        "ann@localhost",
        "ann@test",
        "ann@example",
        "ann@@example.org",
        "ann@example.org, bob@example.org",
        "Ann Lee <ann@example.org>",
        "ann lee@example.org",
        ".ann@example.org",
        "ann.@example.org",
        "a..n@example.org",
        "ann@-example.org",
        "ann@example-.org",
        "ann@ex_ample.org",
        "ann@example..org",
        "ann@[127.0.0.1]",
        "ann@127.0.0.1",
        "ann@example.invalid",
        "ann@mail.local",
        "ann\n@example.org",
        "ann@example.org\nBcc: all@example.org",
        "ann@example.org\r\nSubject: x",
        "ann\x00@example.org",
        "ann\u202e@example.org",
        "a" * 65 + "@example.org",
        "ann@" + "a" * 64 + ".org",
        "ann@" + "a.b" * 90 + ".org",
        "a" * 100_000,
        '"ann lee"@example.org',
    ],
)
def test_what_mail_cannot_be_sent_to_is_a_bad_address_with_one_line_why(written: str) -> None:
    with pytest.raises(BadAddress) as caught:
        normalise_address(written)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.from_regex(r"[a-z0-9._+'-]{1,70}@[a-z0-9.-]{1,60}\.[a-z]{1,8}", fullmatch=True))
def test_the_quick_way_accepts_nothing_email_validator_refuses(address: str) -> None:
    if is_ordinary(address):
        checked = email_validator.validate_email(
            address, strict=True, check_deliverability=False, test_environment=True
        )
        assert f"{checked.local_part}@{checked.ascii_domain}" == address


@given(st.text(max_size=40) | st.emails())
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        normal = normalise_address(text)
    except BadAddress:
        return
    assert normalise_address(normal) == normal
    assert len(normal) <= 254
    assert "\n" not in normal
