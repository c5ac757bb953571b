"""Text that tries a tokenizer: prose, code, many scripts, emoji, marks, controls, white space, long words, the spelling
of special tokens, and bytes that are no UTF-8. The same bytes on every machine: 1.1 MB."""

import pathlib
import random
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[3]

CODE = '''
template <typename T>
std::vector<T>&& merge(std::map<int32_t, T>& a, T* b = nullptr) {
\tfor (size_t i = 0; i < 0xFFFF'FFFFu; ++i) { a[i] += b->x_1 * 3.14e-10; }  // TODO(x): %d\\n
\treturn R"(raw)";\r\n}
def f(self, *args, **kwargs):
        """docs"""
        return {k: v for k, v in self.__dict__.items() if not k.startswith('_')} or [lambda x: x**2 != ~x]
SELECT COUNT(*) FROM `t` WHERE a<>'b' AND c>=1000000 -- x
<div class="a-b" style='c:d'>&amp;&#x27;</div>
{"key": [1, 2.50, -3e+07, null, true], "\\u00e9": "\\"\\\\"}
'''

CONTRACTIONS = "I'm you're he's we've they'll I'd can't I'M YOU'RE HE'S WE'VE THEY'LL I'D CAN'T o'clock 'tis rock'n'roll " \
               "it\u2019s 'S 'T 'RE 've' ''s '\u017f '\u212a "

# First and last character of a block, and whether words in it are divided by spaces.
SCRIPTS = [
    (0x00C0, 0x024F, True), (0x0250, 0x02AF, True), (0x0370, 0x03FF, True), (0x0400, 0x052F, True),
    (0x0531, 0x0587, True), (0x05D0, 0x05EA, True), (0x0600, 0x06FF, True), (0x0700, 0x074F, True),
    (0x0780, 0x07BF, True), (0x0900, 0x097F, True), (0x0980, 0x09FF, True), (0x0A00, 0x0A7F, True),
    (0x0B80, 0x0BFF, True), (0x0C00, 0x0C7F, True), (0x0D00, 0x0D7F, True), (0x0E01, 0x0E5B, False),
    (0x0E80, 0x0EFF, False), (0x0F00, 0x0FFF, True), (0x1000, 0x109F, False), (0x10A0, 0x10FF, True),
    (0x1100, 0x11FF, True), (0x1200, 0x137F, True), (0x13A0, 0x13FF, True), (0x1400, 0x167F, True),
    (0x1780, 0x17FF, False), (0x1800, 0x18AF, True), (0x1E00, 0x1EFF, True), (0x1F00, 0x1FFF, True),
    (0x3040, 0x309F, False), (0x30A0, 0x30FF, False), (0x3400, 0x4DBF, False), (0x4E00, 0x9FFF, False),
    (0xA000, 0xA48F, True), (0xAC00, 0xD7A3, True), (0xFB00, 0xFDFF, True), (0xFF00, 0xFFEF, False),
    (0x10330, 0x1034A, True), (0x12000, 0x12399, True), (0x1D400, 0x1D7FF, True), (0x20000, 0x2A6DF, False),
]
DIGITS = "0123456789\u0660\u0661\u0967\u0e53\uff15\u00b2\u00bd\u2460\u2167\u3007\U0001d7d8"
SPACES = " \u00a0\u1680\u2003\u2009\u2028\u2029\u202f\u205f\u3000\t\n\r\v\f\u0085\u180e\u200b\ufeff"
EMOJI = ["\U0001F600", "\U0001F469\u200D\U0001F4BB", "\U0001F44D\U0001F3FD", "\U0001F1E9\U0001F1EA", "\u2764\ufe0f",
         "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", "#\ufe0f\u20e3", "\U0001F9D1\U0001F3FB\u200D\U0001F680"]
MARKUP = ["<s>", "</s>", "<unk>", "<|endoftext|>", "<|im_start|>user\n", "<|im_end|>", "<0x41>", "|||EMAIL_ADDRESS|||",
          "<|begin_of_text|>", "<pad>", "[INST]", "[a]", "users", "\u2581", "\u0120", "\u010a"]


def assigned(code):
    return unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")


def words(rng, low, high, spaced, count):
    letters = [chr(code) for code in range(low, high + 1) if assigned(code)]
    text = []
    for _ in range(count):
        text.append("".join(rng.choice(letters) for _ in range(rng.randint(1, 9))))
        text.append(rng.choice([" ", " ", " ", ", ", ". ", "\n"]) if spaced else rng.choice(["", "", "\u3002", "\uff0c"]))
    return "".join(text)


def mixed_text():
    rng = random.Random(20260101)
    prose = (ROOT / "tests/data/prose.txt").read_bytes().decode()
    parts = [prose, prose.upper()[:20000], CODE * 40, CONTRACTIONS * 50]
    for low, high, spaced in SCRIPTS:
        parts.append(words(rng, low, high, spaced, 700))
    for _ in range(3000):
        parts.append(rng.choice(EMOJI) + rng.choice(["", " ", "a"]))
    for _ in range(4000):
        parts.append("".join(rng.choice(DIGITS) for _ in range(rng.randint(1, 12))) + rng.choice([" ", ".", ",", "x"]))
    for _ in range(4000):
        parts.append("".join(rng.choice(SPACES) for _ in range(rng.randint(1, 6))) + rng.choice(["", "a", "\u00e9", "!", "7"]))
    for length in range(1, 80):
        parts.append("x" + " " * length + "y" + "\n" * length + "z" + "\t" * length + "\r\n" * (length % 7))
    for _ in range(1500):
        parts.append(rng.choice(["", " ", "  ", "\n", "a"]) + rng.choice(MARKUP) + rng.choice(["", " ", "  ", "\n", "a"]))
    # Marks in orders that normal forms change, and characters they compose, decompose or replace.
    for _ in range(4000):
        marks = "".join(chr(rng.choice([0x300, 0x301, 0x308, 0x323, 0x327, 0x331, 0x345, 0x5B4, 0x64E, 0x93C]))
                        for _ in range(rng.randint(0, 4)))
        parts.append(chr(rng.choice([0x41, 0x65, 0x6F, 0x3B1, 0x439, 0x915, 0x212B, 0x2126, 0x1100, 0xAC00, 0xFB01])) + marks)
    parts.append("".join(chr(c) for c in range(32)) * 20 + "".join(chr(c) for c in range(127, 160)) * 20)
    # Every other character once, each in some company.
    blocks = [(low, high) for low, high, _ in SCRIPTS if high - low > 5000]
    for code in range(0x30000):
        if assigned(code) and not any(low <= code <= high for low, high in blocks):
            parts.append(rng.choice(["a", "1", "!", " ", "\n"]) + chr(code) + rng.choice(["", "", "b", " "]))
    parts.append("a" * 50000 + " " + "ab" * 10000 + " " + "".join(rng.choice("abcdefgh") for _ in range(30000)) + "\n")
    parts.append("\u4e2d" * 5000 + "=" * 3000 + "0" * 3000 + "\U0001F600" * 500)
    text = "".join(parts).encode()
    spoiled = bytearray()
    for _ in range(1500):  # among them cut characters, overlong forms, surrogates
        spoiled += rng.choice([b"\xff", b"\x80", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xed\xa0\x80",
                               b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"\xf8\x88"])
        spoiled += rng.choice([b"", b"a", b" ", "\u00e9".encode(), b"\n", b"12"])
    return text + bytes(spoiled)
