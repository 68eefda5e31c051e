#!/usr/bin/env python3
"""Writes phones.tsv.gz: 50,000 phone numbers of 13 countries, and what Google's libphonenumber makes of each.

    python3 -m venv venv && venv/bin/pip install phonenumbers==9.0.42 && venv/bin/python phones.py

A line holds the country of the row, the number as somebody typed it, and its E.164 form without the plus, if
`is_possible_number_with_reason` says IS_POSSIBLE; else nothing. It ends with the rule of this project by which the
library was asked in another way than `parse(number, country)`, where that changes the outcome: see `read`. Numbers are
invented: the last digits are drawn by lot. The same seed and version give the same bytes.
"""
import gzip
import itertools
import pathlib
import random

import phonenumbers as lib

VERSION = "9.0.42"
COUNT = 50_000
COUNTRIES = "US CA GB DE FR IT ES NL BR MX IN JP AU".split()
KINDS = vars(lib.PhoneNumberType).items()
TYPES = [kind for name, kind in KINDS if name.isupper() and name not in ("VOICEMAIL", "UNKNOWN")]
IDD = {"US": "011", "CA": "011", "JP": "010", "AU": "0011", "BR": "00"}
CARRIERS = ["15", "21", "31", "41", "14"]
SEPARATORS = ["", " ", "-", ".", "/", "\u00a0", "  ", "\u2013"]
NOTES = [" x123", " ext. 5", ";ext=77", " #12", ",4", " extension 9", "x1", " (mobile)", " cell", " (home)", " or so"]
BEFORE = ["tel:", "Tel. ", "Phone: ", "T ", "(", "\u200b", "m: ", "["]
WORDS = ["FLOWERS", "CALLNOW", "HELP", "TAXI"]
NONSENSE = ["n/a", "-", "unknown", "0000", "12345", "000 000 000", "+", "+0", "++", "()", "x", "1", "112", "911", "0"]
WIDE = str.maketrans("0123456789+", "０１２３４５６７８９＋")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def national(lot, country):
    """Draws a number of a country: an assigned kind with other last digits, or any digits at all."""
    if lot.random() < 0.1:
        digits = "".join(lot.choice("0123456789") for _ in range(lot.randint(5, 12)))
        return lib.PhoneNumber(lib.country_code_for_region(country), int(digits))
    example = None
    while example is None:
        example = lib.example_number_for_type(country, lot.choice(TYPES))
    digits = lib.national_significant_number(example)
    kept = lot.randint(min(3, len(digits) - 1), len(digits) - 1)
    digits = digits[:kept] + "".join(lot.choice("0123456789") for _ in digits[kept:])
    if lot.random() < 0.12:
        digits = digits[:-1] if lot.random() < 0.5 else digits + str(lot.randint(0, 99))
    number = lib.PhoneNumber(example.country_code, int(digits))
    if digits.startswith("0"):
        number.italian_leading_zero = True
    return number


def spaced(lot, text):
    """Parts digits in another way."""
    separator = lot.choice(SEPARATORS)
    for usual in " -/":
        text = text.replace(usual, "\0")
    if separator == "":
        text = text.replace("(", "").replace(")", "")
    return text.replace("\0", separator)


def written(lot, number, country):
    """Writes a number as people do who live in a country."""
    home = lib.region_code_for_country_code(number.country_code)
    code, digits = str(number.country_code), lib.national_significant_number(number)
    trunk = {"US": "1", "CA": "1", "IT": "", "ES": "", "MX": "01"}.get(home, "0")
    form = lot.randint(0, 15)
    if form <= 2:
        text = lib.format_number(number, lib.PhoneNumberFormat.NATIONAL)
    elif form == 3:
        text = lib.format_number(number, lib.PhoneNumberFormat.INTERNATIONAL)
    elif form == 4:
        text = lib.format_number(number, lib.PhoneNumberFormat.E164)
    elif form == 5:
        text = lib.format_number(number, lib.PhoneNumberFormat.RFC3966)
    elif form == 6:
        text = lib.format_out_of_country_calling_number(number, country)
    elif form == 7:
        text = IDD.get(country, "00") + " " + code + " " + digits
    elif form == 8:
        text = "00" + code + digits
    elif form == 9:
        text = "+" + code + " (0)" + digits
    elif form == 10:
        text = "+" + code + trunk + digits
    elif form == 11:
        text = code + digits
    elif form == 12:
        text = trunk + digits
    elif form == 13:
        text = digits
    elif home == "BR":
        text = "0" + lot.choice(CARRIERS) + digits
    elif home == "MX":
        text = lot.choice(["+52 1 ", "521", "044 ", "045 ", "01 "]) + digits
    elif home == "IT":
        text = lot.choice(["+39", "0", "39", "+390"]) + digits.lstrip("0")
    elif home == "AU":
        text = lot.choice(["1831", "1832", "0"]) + digits
    else:
        text = "+" + code + " " + digits[:3] + "-" + digits[3:]
    if lot.random() < 0.5:
        text = spaced(lot, text)
    odd = lot.random()
    if odd < 0.06:
        text = text + lot.choice(NOTES)
    elif odd < 0.10:
        text = lot.choice(BEFORE) + text
    elif odd < 0.13:
        text = text.translate(WIDE)
    elif odd < 0.14:
        text = text.translate(ARABIC)
    elif odd < 0.15:
        text = "0" + text
    elif odd < 0.16:
        text = text[:-4] + lot.choice(WORDS)
    elif odd < 0.17:
        text = " " + text + "\t "
    elif odd < 0.18:
        text = lot.choice(NONSENSE)
    return text.replace("\t", " ")


def possible(text, country):
    """Reads a number, if the library can and finds it of a length that numbers of its country have."""
    try:
        number = lib.parse(text, country, keep_raw_input=True)
    except lib.NumberParseException:
        return None
    is_possible = lib.is_possible_number_with_reason(number) == lib.ValidationResult.IS_POSSIBLE
    return number if is_possible else None


def e164(number):
    """Gives the digits of a number in E.164 form; nothing of none."""
    return lib.format_number(number, lib.PhoneNumberFormat.E164).removeprefix("+") if number else ""


def read(text, country):
    """Gives what the library makes of a number, and by which of the project's rules it was asked another way.

    00  In every country, `00` stands before a country code. Where the country dials abroad by more than `00`, of two
        readings the one that is assigned is right; if both are or none is, nobody knows.
    a   Letters are removed with what follows them, as Meta's page asks, if what stands before them is a number.
    0   Nothing but zeros is no number.
    """
    digits = lib.normalize_digits_only(text)
    if digits.strip("0") == "":
        return "", "0"
    start = min(text.find(c) for c in text if c in "+＋" or c.isdigit())
    whole = text[start:].split(";")[0]
    cut = "".join(itertools.takewhile(lambda c: not c.isalpha(), whole))
    for rule, number in (("a", cut), ("", whole)) if cut != whole else (("", whole),):
        plain = lib.normalize_digits_only(number)
        found = possible(number, country)
        zeros = len(plain) - len(plain.lstrip("0"))
        if zeros >= 2:
            anywhere = possible("+" + number.lstrip("0٠０ +＋-–/().[]\u00a0"), None)
            abroad = found if found and found.country_code_source == lib.CountryCodeSource.FROM_NUMBER_WITH_IDD else None
            if anywhere and abroad and e164(anywhere) != e164(abroad):
                literal = plain.lstrip("0").startswith(e164(anywhere)) and lib.is_valid_number(anywhere)
                if literal == lib.is_valid_number(abroad):
                    return "", "00"
                return e164(anywhere if literal else abroad), "00"
            if anywhere:
                return e164(anywhere), "00"
        if found:
            return e164(found), rule
    return "", ""


def main():
    """Writes the file."""
    if lib.__version__ != VERSION:
        raise SystemExit(f"phonenumbers {VERSION} is needed, not {lib.__version__}")
    lot = random.Random(20261123)
    lines = {}
    while len(lines) < COUNT:
        country = COUNTRIES[len(lines) % len(COUNTRIES)]
        of = lot.choice(COUNTRIES) if lot.random() < 0.08 else country
        text = written(lot, national(lot, of), country)
        plain = e164(possible(text, country))
        number, rule = read(text, country)
        lines.setdefault((country, text), (number, rule if number != plain else ""))
    body = "".join("\t".join((*asked, *found)) + "\n" for asked, found in lines.items())
    path = pathlib.Path(__file__).with_name("phones.tsv.gz")
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(body.encode())


main()
