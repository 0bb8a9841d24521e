"""The names people give their columns, in several languages, and the field each one means."""

from __future__ import annotations

from typing import Final

# Spelled without case, accents, spaces or punctuation: 'E-Mail-Adresse' is 'emailadresse' here.
_NAMES: Final = {
    "first_name": "firstname fname givenname forename vorname prenom nombre nome voornaam fornavn fornamn etunimi imie"
    " 名 имя",
    "last_name": "lastname lname surname familyname nachname familienname nomdefamille apellido apellidos cognome"
    " sobrenome achternaam etternavn efternavn efternamn sukunimi nazwisko 姓 фамилия",
    "full_name": "fullname name displayname candidatename contactname vollstandigername nomcomplet nombrecompleto"
    " nomecompleto 姓名 氏名",
    "company": "company companyname organization organisation organizationname employer employername currentcompany"
    " currentemployer currentorganization firma unternehmen arbeitgeber entreprise societe empresa azienda bedrijf"
    " organization1name 会社 公司 компания",
    "title": "title jobtitle position currenttitle currentposition currentjobtitle role currentrole jobrole occupation"
    " berufsbezeichnung jobbezeichnung poste cargo puesto functie organization1title должность",
    "location": "location currentlocation standort ort localisation lieu ubicacion localizacao localita locatie",
    "city": "city town stadt ville ciudad cidade citta stad",
    "country": "country land pays pais paese",
    "headline": "headline profileheadline linkedinheadline",
    "skills": "skills skill keyskills skillset kenntnisse fahigkeiten competences habilidades competenze",
    "industry": "industry branche industrie industria secteur",
    "url": "url linkedinurl linkedinprofile linkedinprofileurl linkedin profileurl profilelink publicprofileurl"
    " linkedinlink profile",
    "phone": "phone phonenumber telephone mobile mobilephone mobilenumber cell cellphone tel telefon telefonnummer"
    " handy telefono telefone phone1value",
    "connected_on": "connectedon",
}
FIELD_OF: Final = {name: field for field, names in _NAMES.items() for name in names.split()}

# The most exact first: of several address columns, the one whose name stands earliest here becomes 'email'.
_ADDRESS_NAMES: Final = (
    "email emailaddress emailid mail mailaddress emailaddr emailadresse mailadresse courriel adresseemail adressemail"
    " adresseelectronique adressedecourriel correo correoelectronico direcciondecorreo enderecodeemail posta"
    " postaelettronica indirizzoemail indirizzomail emailadres epost epostadresse epostadress sahkoposti adresemail"
    " メール メールアドレス eメール 邮箱 电子邮件 电子邮箱 почта электроннаяпочта элпочта"
    " primaryemail primaryemailaddress mainemail workemail businessemail professionalemail contactemail candidateemail"
    " email1 email1value emailaddress1 emailwork personalemail personalemailaddress privateemail homeemail otheremail"
    " secondaryemail"
)
ADDRESS_RANK: Final = {name: rank for rank, name in enumerate(_ADDRESS_NAMES.split())}
