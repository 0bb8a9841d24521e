import pytest

from engine.errors import Invalid, Refused
from engine.intake.headers import check_mapping, slug
from tests.engine.intake.reading import read


@pytest.mark.parametrize(
    ("field", "headers"),
    [
        ("first_name", ["First Name", "first_name", "firstname", "FIRSTNAME", "Given Name", "Vorname", "Prénom"]),
        ("last_name", ["Last Name", "Surname", "Family Name", "lastName", "Nachname", "фамилия"]),
        ("full_name", ["Full Name", "Name", " name "]),
        ("company", ["Company", "Organization", "Employer", "Current Company", "Firma", "Société"]),
        ("title", ["Title", "Job Title", "Position", "Current Title", "current_title"]),
        ("location", ["Location", "Standort"]),
        ("city", ["City"]),
        ("country", ["Country"]),
        ("headline", ["Headline"]),
        ("skills", ["Skills"]),
        ("industry", ["Industry"]),
        ("url", ["URL", "LinkedIn URL", "LinkedInURL", "Profile URL"]),
        ("phone", ["Phone", "Phone Number", "Téléphone"]),
        ("connected_on", ["Connected On"]),
        ("hourly_rate", ["Hourly Rate", "hourlyRate", "hourly-rate", "  HOURLY   RATE! "]),
        ("field_2nd_choice", ["2nd choice"]),
        ("grosse", ["Größe"[:2] + "oße"]),
        ("column_2", ["", "  ", "!!!"]),
    ],
)
def test_a_header_people_use_becomes_its_field(field: str, headers: list[str]) -> None:
    for header in headers:
        assert read(f'email,"{header}"\na@example.org,x\n').columns == ("email", field)


@pytest.mark.parametrize(
    "header",
    [
        *("Email", "E-mail", "Email Address", "e_mail", "EMAIL", "emailAddress", "E-Mail-Adresse", "Mail", "Correo"),
        *("Correo electrónico", "Adresse e-mail", "Courriel", "Work Email", "メールアドレス", "Электронная почта"),
    ],
)
def test_a_column_of_addresses_is_known_by_its_name(header: str) -> None:
    found = read(f"{header},Name\na@example.org,Ann\n")
    assert found.columns == ("email", "full_name")
    assert found.source_columns == (header, "Name")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Personal Email,Email", ("personal_email", "email")),
        ("Email Address,Email", ("email_address", "email")),
        ("Email,E-mail", ("email", "e_mail")),
        ("Email,email,EMAIL", ("email", "email_2", "email_3")),
        ("Personal Email,Work Email", ("personal_email", "email")),
        ("Email,Company,Employer,company_2", ("email", "company", "company_2", "company_2_2")),
    ],
)
def test_columns_of_one_name_are_told_apart(header: str, columns: tuple[str, ...]) -> None:
    assert read(header + "\n" + ",".join(["a@example.org"] * len(columns)) + "\n").columns == columns


@pytest.mark.parametrize(
    ("mapping", "columns"),
    [
        ({"email": "Kontakt"}, ("email", "full_name", "email_2")),
        ({"email": "  kontakt "}, ("email", "full_name", "email_2")),
        ({"first_name": "NAME"}, ("kontakt", "first_name", "email")),
        ({"email": "Kontakt", "note": "Email"}, ("email", "full_name", "note")),
    ],
)
def test_a_mapping_overrides_what_the_names_say(mapping: dict[str, str], columns: tuple[str, ...]) -> None:
    assert read("Kontakt,Name,Email\na@example.org,Ann,b@example.org\n", mapping).columns == columns


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"email": "Nope"}, "Kontakt, Name, Email"),
        ({"company": "Nope"}, "Kontakt, Name, Email"),
        ({"Email": "Kontakt"}, "field name 'Email'"),
        ({"2nd": "Kontakt"}, "field name '2nd'"),
        ({"": "Kontakt"}, "field name ''"),
        ({"email": "Name", "full_name": "name"}, "both"),
    ],
)
def test_a_mapping_that_cannot_be_is_invalid(mapping: dict[str, str], says: str) -> None:
    with pytest.raises(Invalid, match="--map") as caught:
        read("Kontakt,Name,Email\na@example.org,Ann,b@example.org\n", mapping)
    assert says in str(caught.value)
    assert caught.value.code == "bad_mapping"


def test_a_list_without_addresses_is_refused_naming_its_columns_and_the_way_out() -> None:
    with pytest.raises(Refused, match=r"among: Name, Kontakt; .*--map email=COLUMN") as caught:
        read("Name,Kontakt\nAnn,ann@example.org\n")
    assert caught.value.code == "no_address_column"


def test_a_list_without_a_header_is_told_so() -> None:
    with pytest.raises(Refused, match="put a header line"):
        read("Ann,ann@example.org\nBob,bob@example.org\n")


def test_the_header_may_stand_below_a_note() -> None:
    found = read('Notes:\n"Some e-mail addresses,\nas you know, are missing"\n\nName,Email\nAnn,a@example.org\n')
    assert found.columns == ("full_name", "email")
    assert found.accepted == [(6, ["Ann", "a@example.org"])]


def test_a_header_with_more_than_200_columns_is_refused() -> None:
    with pytest.raises(Refused, match="201 columns") as caught:
        read("email" + ",x" * 200 + "\na@example.org\n")
    assert caught.value.code == "too_many_columns"


def test_a_slug_is_always_a_field_name() -> None:
    for text in ("Ünï-Çødé", "_x_", "9", "a" * 500, "日本", "ﬁeld"):
        check_mapping({slug(text, 1): "x"})
