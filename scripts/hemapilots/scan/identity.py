"""Headers and cells that name a person: told from the words in them, in any order and any of the known languages."""

import re
from collections.abc import Iterable

from hemapilots.texts import fold

__all__ = ["names_a_patient", "names_a_person", "names_someone", "of_a_patient"]

# Words of a header; those of resources/codes/headers.csv come to these.
_WORDS = frozenset(
    """name names naam nome nom surname forename firstname lastname maiden initials initialen alias nickname
    address addresses street postcode postal zip plz cep city town village municipality county
    phone telephone tel mobile cellphone fax mail email handy cellulare portable movil
    ssn nhs nhi mrn bsn nir ipp dni nif nie cpf amka cnp pesel ahv chi hkid medicare medicaid insurance passport licence license
    yob dob birth birthday birthdate birthyear geb naissance nacimiento nascita nascimento geboorte
    surgeon physician doctor dr clinician consultant practitioner nurse gp arzt arztin chirurg operateur medico medecin medica
    chirurgo chirurgien cirujano cirurgiao huisarts hausarzt einweiser zuweiser referrer
    relative kin mother father spouse guardian contact religion occupation employer
    comment comments remark remarks note notes freetext kommentar bemerkung anmerkung notiz notizen username login photo url""".split()
)
# A word that begins or ends so.
_STEMS = re.compile(
    r"^(?:surnam|nachnam|vornam|familienn|geburts|adres|indirizz|direccion|enderec|strasse|telef|postleit|zipcode|"
    r"versichert|krankenk|sozialvers|socialsec|passport|personalausw|cognom|apellid|sobrenom|prenom|γεννησ|επωνυμ|ονοματεπ|"
    r"διευθυνσ|τηλεφ)|(?:name|nachname|strasse|arzt|naam|birth|phone)$"
)
# Words that in front of these or behind them make the number of a patient.
_WHO = (
    "pat patient patients patienten patientin patientinnen paziente pazienti paciente pacientes doente utente subject person "
    "case fall record chart hospital admission aufnahme encounter sample participant member proband ασθενους ασθενη"
).split()
_NUMBER = (
    "id ids nr no num number nummer numero number code codigo codice kennung identifier identificativo key pid αριθμος"
).split()
# Words of the person, where others are of a case, a sample or a stay, of which a patient may have several.
_PERSONAL = re.compile(
    r"^(?:pat(?!h)|paz|paci|utente|doente|subject|person|participant|member|proband|pseudonym|ασθεν)"
)
_PATIENT = re.compile(f"^(?:{'|'.join(_WHO)})(?:{'|'.join(_NUMBER)})$")
# Entries of the dictionary that are identities only when nothing stands beside them: route, chemotherapy, "number of".
_ALONE = {"via", "cap", "nombre", "ort", "tk"}
_PERSON = re.compile(
    r"@|\d{6,}|\b(?:dr|prof|mr|mrs|ms|herr|frau|mme|sig|sra|dhr|mevr)\b\.?\s+[^\W\d_]|"
    r"^[^\W\d_][^\W\d_'-]+,\s*[^\W\d_][^\W\d_'. -]*$",
    re.IGNORECASE,
)


def names_someone(header: str, dictionary: Iterable[str]) -> bool:
    """Whether a word of a header says that its cells name or find a person. dictionary: folded headers that do."""
    words = _words(header)
    if any(word in _WORDS or _STEMS.search(word) for word in words) or names_a_patient(header):
        return True
    for spelt in (f" {' '.join(words)} ", f" {fold(header)} "):
        if any(f" {entry} " in spelt and (entry not in _ALONE or spelt.strip() == entry) for entry in dictionary):
            return True
    return False


def names_a_patient(header: str) -> bool:
    """Whether a header is the number of a patient, a case or a sample: `PatNr`, `No. of patient`, `case_id`."""
    words = _words(header)
    short = len(words) <= 4 and "concept" not in words
    return any(_PATIENT.match(word) for word in words) or (short and bool({*words} & {*_WHO} and {*words} & {*_NUMBER}))


def of_a_patient(header: str) -> bool:
    """Whether a header that numbers something says that it is the patient."""
    return any(_PERSONAL.match(word) for word in _words(header))


def names_a_person(text: str) -> bool:
    """Whether a cell looks like a name, an address of e-mail or a long number."""
    return bool(_PERSON.search(text))


def _words(header: str) -> list[str]:
    """Folded words; a capital letter after a small one begins another."""
    return fold(re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", str(header))).split()
