"""Who and what exists: actors and repositories, each a pure function of the seed and its rank."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Literal

from headgate_github.synth import words
from headgate_github.synth.randomness import mix

Generation = Literal["events_early", "timeline", "events", "events_slim"]
Emails = Literal["clear", "hashed"]
GENERATIONS: tuple[Generation, ...] = ("events_early", "timeline", "events", "events_slim")

BOTS = 8
_REPOSITORY_BORN = 1_230_768_000  # 2009-01-01


@dataclass(slots=True)
class Actor:
    """An account: a person, a bot or an organisation."""

    id: int
    login: str
    name: str
    email: str = ""
    kind: Literal["User", "Organization"] = "User"

    @property
    def is_bot(self) -> bool:
        """Whether the login says that it is a bot."""
        return self.login.endswith("[bot]")


@dataclass(slots=True)
class Repo:
    """A repository; `rank` 0 is the most popular one, `bits` decide what else it is like."""

    rank: int
    bits: int
    id: int
    name: str
    short_name: str
    owner: Actor
    org: Actor | None
    lead: int
    fame: float

    @property
    def language(self) -> str | None:
        """The main language, if any."""
        return None if self.bits % 9 == 0 else words.LANGUAGES[(self.bits >> 24) % len(words.LANGUAGES)]

    @property
    def born_at(self) -> int:
        """When it was made."""
        return _REPOSITORY_BORN + (self.bits >> 27) % 94_608_000

    @property
    def stars(self) -> int:
        """How many people starred it."""
        return min(int((self.bits >> 40 & 0xFFFF) / 0x8000 * self.fame), 90_000) if self.bits % 7 else 0

    @property
    def forks(self) -> int:
        """How many forks it has."""
        return self.stars // 4

    @property
    def open_issues(self) -> int:
        """How many issues are open."""
        return (self.bits >> 33) % 40

    @property
    def size(self) -> int:
        """Its size in kB."""
        return (self.bits >> 36) % 60_000

    @property
    def welcoming(self) -> float:
        """How likely a stranger's pull request is taken, from 0 to 1."""
        return (self.bits >> 48) / 0x10000

    @property
    def homepage(self) -> str | None:
        """Where its own pages are, if anywhere."""
        return f"https://{self.short_name}.example.org" if self.bits >> 45 & 3 else None

    @property
    def has_wiki(self) -> bool:
        """Whether it has a wiki."""
        return bool(self.bits >> 29 & 7)

    @property
    def has_pages(self) -> bool:
        """Whether GitHub serves pages of it."""
        return not self.bits >> 31 & 7

    def pushed_at(self, at: int) -> int:
        """When somebody pushed last, as seen on the day of `at`."""
        return max(self.born_at, at - at % 86_400 - (self.bits >> 21) % 5_000_000)

    @property
    def is_fork(self) -> bool:
        """Whether it is a fork itself."""
        return self.bits % 5 == 0


@dataclass(frozen=True)
class World:
    """The world of one seed; how many inhabitants it has follows from the events per hour."""

    seed: int
    events_per_hour: int
    emails: Emails = "clear"
    prose: str = field(init=False, repr=False, compare=False)
    titles: tuple[str, ...] = field(init=False, repr=False, compare=False)
    #: How far apart the ids of neighbouring hours are.
    id_stride: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text, titles = _prose(self.seed)
        object.__setattr__(self, "prose", text)
        object.__setattr__(self, "titles", titles)
        object.__setattr__(self, "id_stride", 10 ** max(5, len(str(self.events_per_hour)) + 1))

    @property
    def actors(self) -> int:
        """How many people there are (bots come on top)."""
        return max(60, 8 * self.events_per_hour)

    @property
    def repos(self) -> int:
        """How many repositories there are."""
        return max(40, 7 * self.events_per_hour)

    def any_actor(self, rng: Random) -> int:
        """The rank of a random actor: very few do very much."""
        return BOTS + int(self.actors ** rng.random()) - 1

    def any_repo(self, rng: Random) -> int:
        """The rank of a random repository: popularity falls off, slower than with actors."""
        return int(self.repos * rng.random() ** 2.6)

    def actor(self, rank: int) -> Actor:
        """The actor of a rank; ranks below BOTS are bots."""
        return _actor(self.seed, rank)

    def repo(self, rank: int) -> Repo:
        """The repository of a rank."""
        return _repo(self.seed, rank, self.repos, self.actors)

    def contributor(self, repo: Repo, rng: Random) -> int:
        """The rank of somebody who works on a repository: its lead, its small team, at times a stranger."""
        draw = rng.random()
        if draw < 0.62:
            return repo.lead
        if draw < 0.88:
            member = 1 + int(rng.random() * 4)
            return BOTS + (repo.lead + 37 * member * member) % self.actors
        return self.any_actor(rng)

    def is_team(self, repo: Repo, rank: int) -> bool:
        """Whether an actor belongs to a repository's team."""
        return (
            any(rank == BOTS + (repo.lead + 37 * m * m) % self.actors for m in range(1, 5))
            or rank == repo.lead
        )

    def email(self, person: Actor) -> str:
        """A commit author's address, as the archive delivers it: clear, or its local part hashed."""
        if self.emails == "clear":
            return person.email
        bits = mix(self.seed, person.id)
        domain = person.email.partition("@")[2]
        return f"{bits:016x}{mix(bits):016x}{person.id:08x}@{domain}"

    def title(self, rng: Random) -> str:
        """A line of text."""
        return self.titles[int(rng.random() * len(self.titles))]

    def description(self, repo: Repo) -> str:
        """What a repository says about itself."""
        return self.titles[(repo.bits >> 13) % len(self.titles)]

    def text(self, rng: Random, mean: float, limit: int = 60_000) -> str:
        """Some paragraphs."""
        return words.cut(rng, self.prose, mean, limit)


@lru_cache(maxsize=4)
def _prose(seed: int) -> tuple[str, tuple[str, ...]]:
    text = words.prose(seed)
    return text, words.titles(seed, text)


def _actor(seed: int, rank: int) -> Actor:
    bits = mix(seed, 1, rank)
    prefix = words.PREFIXES[bits % len(words.PREFIXES)]
    suffix = words.SUFFIXES[(bits >> 8) % len(words.SUFFIXES)]
    if rank < BOTS:
        return Actor(40_000_000 + rank, f"{suffix}-{rank}[bot]", f"{suffix} {rank}", f"bot{rank}@example.org")
    given = words.GIVEN_NAMES[(bits >> 16) % len(words.GIVEN_NAMES)]
    family = words.FAMILY_NAMES[(bits >> 24) % len(words.FAMILY_NAMES)]
    login = f"{prefix}{family.lower() if family.isascii() else suffix}{rank}"
    email = f"{login}@{'mail' if bits >> 40 & 1 else 'dev'}.example.org"
    return Actor(1_000 + 7 * rank + (bits >> 32) % 7, login, f"{given} {family}", email)


def _organisation(seed: int, number: int) -> Actor:
    bits = mix(seed, 2, number)
    first = words.PREFIXES[bits % len(words.PREFIXES)]
    name = f"{first}-{words.SUFFIXES[(bits >> 8) % len(words.SUFFIXES)]}-{number}"
    return Actor(20_000_000 + number, name, name, kind="Organization")


def _repo(seed: int, rank: int, repos: int, actors: int) -> Repo:
    bits = mix(seed, 3, rank)
    lead = BOTS + rank * actors // repos
    org = _organisation(seed, rank // 6) if bits % 100 < 33 else None
    owner = org or _actor(seed, lead)
    first, second = (
        words.PREFIXES[(bits >> 8) % len(words.PREFIXES)],
        words.SUFFIXES[(bits >> 16) % len(words.SUFFIXES)],
    )
    name = f"{first}-{second}-{rank}"
    return Repo(
        rank,
        bits,
        10_000_000 + 3 * rank + bits % 3,
        f"{owner.login}/{name}",
        name,
        owner,
        org,
        lead,
        repos / (rank + 2),
    )
