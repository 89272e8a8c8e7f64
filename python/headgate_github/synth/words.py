"""The prose of the generated world: made-up words, sentences and names."""

from __future__ import annotations

from random import Random

from headgate_github.synth.randomness import heavy_tailed, stream

POOL_LENGTH = 400_000


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PREFIXES = _listed(
    """
    amber birch cobalt drift ember fern gravel hazel indigo juniper kelp linen maple nickel ochre pebble
    quartz rowan slate timber umber violet willow yarrow zinc alder basalt cedar delta elm flint granite
    heath iris jade krill
    """
)
SUFFIXES = _listed(
    """
    lock weir sluice canal gate lab works kit forge hub base flow grid mill dock yard loop path port
    pipe vault deck engine server client parser router stream store queue agent panel studio bridge
    """
)
GIVEN_NAMES = _listed(
    """
    Ada Bela Chidi Dana Edda Farid Greta Hiro Ines Jonas Kaya Leif Mira Nadia Olu Petra Quinn Rosa Sami
    Tove Uma Viktor Wanda Xenia Yuki Zoé Åsa Björn
    """
)
FAMILY_NAMES = _listed(
    """
    Almeida Berg Castro Dahl Eriksen Fontaine Grünwald Haddad Ivanov Jansen Kowalski Lindqvist Moreau
    Nakamura Okafor Petrov Quist Rossi Silva Tanaka Ueda Varga Weiss Yilmaz Zhang
    """
)
LANGUAGES = (
    "JavaScript",
    "Java",
    "Python",
    "Ruby",
    "PHP",
    "C++",
    "CSS",
    "C#",
    "C",
    "Go",
    "HTML",
    "Shell",
    "Rust",
)
LABELS = (("bug", "fc2929"), ("enhancement", "84b6eb"), ("question", "cc317c"), ("help wanted", "159818"))

_WORDS = _listed(
    """
    add fix update remove the a an of to in for with from when while test build release version config
    module handler index request response cache token user query table column value error warning
    timeout retry parser thread buffer support merge branch commit refactor cleanup documentation
    example readme typo null pointer exception stack trace install upgrade dependency package import
    export default option argument function class method interface field should does not work anymore
    since after before this that it we can please thanks see also and or is are was
    """
)
_SPICE = (
    "naïve",
    "größer",
    "日本語",
    "привет",
    "🎉",
    "—",
    "“quoted”",
    "<b>",
    "C:\\path",
    '"x"',
    "a\tb",
    "&amp;",
)


def prose(seed: int, length: int = POOL_LENGTH) -> str:
    """A long text whose slices serve as titles, messages and bodies."""
    rng = stream(seed, "prose")
    parts: list[str] = []
    total = 0
    while total < length:
        count = 4 + int(rng.random() * 14)
        words = [_WORDS[int(rng.random() * len(_WORDS))] for _ in range(count)]
        if rng.random() < 0.01:
            words.append(_SPICE[int(rng.random() * len(_SPICE))])
        if rng.random() < 0.15:
            words.append(f"https://example.org/{rng.getrandbits(48):x}")
        if rng.random() < 0.15:
            words.append(f"#{rng.getrandbits(10)}")
        sentence = " ".join(words).capitalize() + (".\r\n\r\n" if rng.random() < 0.2 else ". ")
        parts.append(sentence)
        total += len(sentence)
    return "".join(parts)[:length]


def titles(seed: int, text: str, number: int = 8_192) -> tuple[str, ...]:
    """Single lines of many lengths, cut from a text."""
    rng = stream(seed, "titles")
    flat = text.replace("\r\n\r\n", " ")
    return tuple(cut(rng, flat, 40, 180).strip() or "Update" for _ in range(number))


def cut(rng: Random, pool: str, mean: float, limit: int) -> str:
    """A piece of `pool`, of a random length around `mean`, at a random place."""
    length = heavy_tailed(rng, mean, limit) + 1
    start = int(rng.random() * (len(pool) - length))
    return pool[start : start + length]
