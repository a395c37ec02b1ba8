#!/usr/bin/env python3.11
"""Writes what Python itself answers to the questions that package python answers.

    python3.11 facts.py > facts.txt          the facts that the tests compare with
    python3.11 facts.py 100000 > FILE        so many at random; go test -run TestFacts -facts FILE

A line is RULE, a tab, the argument, a tab, and the answer: "=" and a text, or "!" and the text of
the exception. Texts are literals of Go, byte by byte, in the form that the package comment
describes.
"""
import codecs
import json
import random
import sys
import unicodedata


def go(value):
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    out = ""
    for b in value:
        c = chr(b)
        out += c if " " <= c <= "~" and c not in '"\\' else "\\x%02x" % b
    return '"%s"' % out


RULES = {
    "int": lambda s: str(int(s)),
    "intbytes": lambda b: str(int(b)),
    "float": lambda s: repr(float(s)),
    "truncate": lambda s: str(int(float(s))),
    "repr": repr,
    "reprbytes": repr,
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "stripbytes": lambda b: b.strip(),
    "lower": str.lower,
    "upper": str.upper,
    "newlines": lambda s: s.replace("\r\n", "\n").replace("\r", "\n"),
    "len": lambda s: str(len(s)),
    "encode": lambda s: s.encode(),
    "decode": lambda b: b.decode(),
    "decodejson": lambda b: b.decode(json.detect_encoding(b), "surrogatepass"),
    "backslash": lambda s: s.encode("utf-8", "backslashreplace"),
}
BYTES = ("intbytes", "reprbytes", "stripbytes", "decode", "decodejson")


def fact(rule, argument):
    if rule in BYTES and isinstance(argument, str):
        argument = argument.encode("utf-8", "surrogatepass")
    try:
        answer = "=" + go(RULES[rule](argument))
    except (ValueError, OverflowError) as e:
        answer = "!" + go(str(e))
    print(rule, go(argument), answer, sep="\t")


BLANKS = [chr(c) for c in range(0x110000) if chr(c).isspace()]
ZEROS = [chr(c) for c in range(0x110000) if unicodedata.decimal(chr(c), -1) == 0]


def chosen():
    numbers = [
        "0", "-0", "007", "+12", "-12", "1_000", "0_7", "-٣_0", "１２", "٣", "𝟙𝟡𝟘", "1٣", "9" * 50, " \t12\n", "\u00a012\u3000",
        "", " ", "-", "+-1", "- 1", "1 2", "_1", "1_", "1__0", "-_1", "_", "1_a", "1_ 2", "1.0", "1e3", "0x10", "0b1", "0o7", "a", "½", "²", "一",
        "1\u200b", "\u200b1", "\x1c1", "1\x1f", "\x1c٣", "\ufeff1", "\x001", "1\x00", "\x7f1", "−1", "1\ud800", "٣\udcff", "it's", "'\"",
        "x" * 300, "\u200b" * 100,
    ]
    floats = [
        "1.5", ".5", "5.", ".", "1e3", "1E3", "1e+3", "1e-3", "1e", "e1", "1e1.5", "1e400", "-1e400", "1e-400", "0e999999", "1e99999999999",
        "0." + "0" * 200 + "1e201", "1_0.5", "1._5", "1_.5", "1.5_", "1_e1", "1e_1", "1e1_0", "inf", "-inf", "+Infinity", "iNf", "infinit", "nan", "+nan", "-NaN",
        "++nan", "+-nan", "nan1", "0x1p3", "0x10", "1p3", "in_f", "٣.٤", "٣e٢", "١٠", "\u00a01e3\u3000", "1.5\x1c", "0.1", "1e15", "1e16", "9999999999999998", "123456789012345680",
        "1e22", "1e23", "1e100", "1.7976931348623157e308", "1.7976931348623159e308", "0.0001", "0.00012", "0.00001", "1.5e-7", "5e-324", "2e-324", "-0", "-0.0",
        "0.30000000000000004", "4.35", "2.5", "1e5_", "1,5", "1 .5", "1e 5",
    ]
    for s in numbers:
        fact("int", s)
        if "\ud800" not in s and "\udcff" not in s:
            fact("intbytes", s)
    fact("intbytes", b"'\xff\n\"")
    for s in numbers + floats:
        fact("float", s)
    for s in floats + ["1.9", "-1.9", "-0.5", "1e300", "123456789.5"]:
        fact("truncate", s)
    for z in ZEROS:
        fact("int", "".join(chr(ord(z) + d) for d in range(10)))
    texts = [
        "", "a", "it's", 'say "it\'s"', "\\", "\n\r\t\0\x7f", "\x1b[0m", "é\u00a0\u00ad\u200b\u2028\u3000😀\U000e0001", "a\ud800", "\udc80\udcff", "\udbff\udfff",
        "\ud7ff\ue000\ufffd\uffff\U0010ffff", "日本\u0301", "x\ud800\udc00y\ud800",
    ]
    for s in texts:
        for rule in ("repr", "reprbytes", "len", "encode", "backslash"):
            fact(rule, s)
    # Some of every kind of character that there is: what of it is printable.
    kinds = {}
    for c in map(chr, range(0x110000)):
        kinds.setdefault(unicodedata.category(c), []).append(c)
    del kinds["Cn"]
    for kind in sorted(kinds):
        fact("repr", "".join(kinds[kind][::len(kinds[kind]) // 30 + 1]))
    for b in BLANKS + list("\x1b\x0e\x00\u180e\u200b\ufeff_a"):
        for rule in ("strip", "lstrip", "rstrip", "stripbytes"):
            fact(rule, b + "x" + b)
    for s in ("", " ", "\u3000 \x1c", " a b "):
        for rule in ("strip", "lstrip", "rstrip", "stripbytes"):
            fact(rule, s)
    for s in ("", "\r", "\n", "\r\n", "\n\r", "\r\r\n", "a\rb\r\nc\nd\x0b\x0c\x85\u2028e"):
        fact("newlines", s)
    letters = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    for rule, change in (("upper", str.upper), ("lower", str.lower)):
        changed = [c for c in letters if change(c) != c]
        for i in range(0, len(changed), 60):
            fact(rule, "x".join(changed[i:i + 60]))
    for s in ("TRUE", "false", "fal\u017fe", "İ", "Straße", "ﬁ", "K", "\u0345a"):
        fact("lower", s)
        fact("upper", s)
    for b in bad():
        fact("decode", b)
    for text in ("", "1", "{}", "{\"é😀\"}", "[\ud800]", "[\ud83d\ude00\ud83d]", "[\udc00\ud800]"):
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
            b = text.encode(encoding, "surrogatepass")
            for b in (b, b[:-1], b + b"\0", b + b"\xff"):
                fact("decodejson", b)
    for b in (codecs.BOM_UTF16_BE + b"\0{\0", codecs.BOM_UTF32_BE + b"\0\x11\0\0", b"{\0\0\0\xff\xff\xff\xff", codecs.BOM_UTF8 + b"\xff"):
        fact("decodejson", b)


def bad():
    """Every way in which a character can go wrong, at the end and before another."""
    for lead in (0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF):
        for rest in (b"", b"\x80", b"\x8f", b"\x90", b"\x9f", b"\xa0", b"\xbf", b"\xc0", b"\xff", b"\xa0\x80", b"\x90\xbf", b"\x80\x80", b"\x90\x80\x80", b"\x8f\x80\x80", b"\x90\x80\xc0"):
            for end in (b"", b"a"):
                yield "é".encode() + bytes([lead]) + rest + end


def at_random(n):
    digits = [chr(ord(z) + d) for z in ZEROS for d in range(10)]
    plain = list("0123456789") * 6 + list("__..eE+-")
    strange = BLANKS + digits[10:] + list("xXaAnNiIfFtTyY'\"\\\x00\x7f") + ["\ud800", "\udcff", "😀", "½", "\u200b", "\ufeff", "é"]
    rules = ("int", "float", "repr", "strip", "lstrip", "rstrip", "len", "encode", "backslash")
    for i in range(n):
        rule = rules[i % len(rules)]
        if i % 20 == 19:
            rule = random.choice(("decode", "decodejson"))
            fact(rule, bytes(random.choice([random.randrange(256), random.choice(b"a\0\0\xfe\xff\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\xf4")]) for _ in range(random.randrange(9))))
            continue
        size = random.choice((1, 2, 3, 4, 6, 9, 17, 30))
        share = random.choice((0, 0, 0.1, 0.5))
        s = "".join(random.choice(strange) if random.random() < share else random.choice(plain) for _ in range(size))
        if rule in ("int", "float") and random.random() < 0.3:
            s = random.choice(BLANKS) + s + random.choice(BLANKS)
        if rule == "float" and random.random() < 0.3:
            s = repr(random.choice((random.random(), random.expovariate(1) * 10 ** random.randrange(-320, 309))))
        if rule in ("repr", "strip") and random.random() < 0.5:
            s = "".join(c for c in (chr(random.randrange(0x110000)) for _ in range(size)) if unicodedata.category(c) not in ("Cn",))
        fact(rule, s)


if len(sys.argv) > 1:
    at_random(int(sys.argv[1]))
else:
    chosen()
