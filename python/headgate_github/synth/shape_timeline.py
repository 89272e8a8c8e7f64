"""The shape `timeline`: what the archive holds from 2012 to 2014. No ids, flat actors, local dates."""

from __future__ import annotations

from functools import lru_cache

from headgate_github.synth import shape_common as common
from headgate_github.synth import shape_events as full
from headgate_github.synth import shape_rare as rare
from headgate_github.synth.event import Event
from headgate_github.synth.objects import WEB, Json, iso
from headgate_github.synth.pulls import pull_request
from headgate_github.synth.randomness import heavy_tailed, mix, sha
from headgate_github.synth.world import Actor, Repo, World

#: Kinds that have no repository; they are what makes it missing in 5 % of all events.
WITHOUT_REPOSITORY = frozenset({"GistEvent", "FollowEvent"})
_SLASHED_UNTIL = 1_343_779_200  # 2012-08-01
_SUMMER = frozenset({"04", "05", "06", "07", "08", "09", "10"})
_LATER = ("stargazers_count", "has_pages", "releases_url")


def render(world: World, event: Event) -> Json:
    """The record of an event."""
    payload = PAYLOADS[event.kind](world, event)
    found: Json = {"created_at": local(event.at)}
    if event.kind != "PublicEvent":
        found["payload"] = payload
    found |= {"public": True, "type": event.kind, "url": _url(event, payload), "actor": event.actor.login}
    if event.rng.random() >= 0.01:
        found["actor_attributes"] = actor_attributes(world, event.actor)
    if event.kind not in WITHOUT_REPOSITORY:
        found["repository"] = flat_repository(world, event.repo, event.at)
    return found


def local(epoch: int) -> str:
    """An instant in the local time of San Francisco, as the archive wrote it then."""
    ahead, offset = _offset(epoch // 86_400)
    there = iso(epoch - ahead)[:19]
    if epoch < _SLASHED_UNTIL:
        return f"{there.replace('-', '/').replace('T', ' ')} {offset.replace(':', '')}"
    return there + offset


@lru_cache(maxsize=8_192)
def _offset(day: int) -> tuple[int, str]:
    hours = 7 if iso(day * 86_400)[5:7] in _SUMMER else 8
    return hours * 3_600, f"-0{hours}:00"


def actor_attributes(world: World, person: Actor) -> Json:
    """What was known of an actor, e-mail included."""
    bits = mix(world.seed, 31, person.id)
    found: Json = {"login": person.login, "type": person.kind, "gravatar_id": f"{bits:016x}{mix(bits):016x}"}
    if bits % 5:
        found["name"] = person.name
    if bits % 3 == 0:
        found["company"] = "Headwater Ltd"
    if bits % 7 < 3:
        found["blog"] = f"http://{person.login}.example.org"
    if bits % 2:
        found["location"] = ("Kisumu", "Uppsala", "Recife", "Osaka")[bits % 4]
    found["email"] = world.email(person)
    return found


def flat_repository(world: World, repo: Repo, at: int) -> Json:
    """The repository of the envelope as it stood on the day of `at`."""
    found: Json = {
        "id": repo.id,
        "name": repo.short_name,
        "url": f"{WEB}/{repo.name}",
        "description": world.description(repo),
        "watchers": repo.stars,
        "stargazers": repo.stars,
        "forks": repo.forks,
        "fork": repo.is_fork,
        "size": repo.size,
        "owner": repo.owner.login,
        "private": False,
        "open_issues": repo.open_issues,
        "has_issues": not repo.is_fork,
        "has_downloads": True,
        "has_wiki": repo.has_wiki,
        "created_at": local(repo.born_at),
        "pushed_at": local(repo.pushed_at(at)),
    }
    if repo.language:
        found["language"] = repo.language
    if repo.homepage:
        found["homepage"] = repo.homepage
    if repo.rank % 2:
        found["master_branch"] = "master"
    if repo.org:
        found["organization"] = repo.org.login
    return found


def _push(world: World, event: Event) -> Json:
    rng = event.rng
    size = max(1, full.push_size(rng))
    shas = []
    for _ in range(min(size, full.LISTED_COMMITS)):
        author = event.actor if rng.random() < 0.85 else world.actor(world.contributor(event.repo, rng))
        distinct = rng.random() < 0.9
        shas.append([sha(rng), world.email(author), world.title(rng), author.name, distinct])
    return {"shas": shas, "size": size, "ref": f"refs/heads/{common.branch(rng)}", "head": shas[-1][0]}


def _pull_request(world: World, event: Event) -> Json:
    about = event.about
    whole = pull_request(world, about, event.at)
    del whole["locked"], whole["_links"]["review_comment"], whole["_links"]["commits"]
    whole |= {"assignee": None, "milestone": None}
    for side in ("head", "base"):
        whole[side]["repo"] = old_repository(whole[side]["repo"])
    return {"action": event.action, "number": about.number, "pull_request": whole}


def old_repository(repo: Json) -> Json:
    """A repository object inside a payload, which had fewer fields then."""
    return {**{key: value for key, value in repo.items() if key not in _LATER}, "master_branch": "master"}


def _issues(_world: World, event: Event) -> Json:
    about = event.about
    return {"action": event.action, "issue": 200_000_000 + about.number, "number": about.number}


def _issue_comment(_world: World, event: Event) -> Json:
    return {"issue_id": 200_000_000 + event.about.number, "comment_id": common.comment_id(event)}


def _without_pusher(payload: full.Payload) -> full.Payload:
    def build(world: World, event: Event) -> Json:
        return {key: value for key, value in payload(world, event).items() if key != "pusher_type"}

    return build


def _release(world: World, event: Event) -> Json:
    payload = rare.release(world, event)
    later = ("author", "tarball_url", "zipball_url")
    whole = {key: value for key, value in payload["release"].items() if key not in later}
    whole["assets"] = [
        {key: value for key, value in asset.items() if key not in ("uploader", "browser_download_url")}
        for asset in whole["assets"]
    ]
    return {"action": payload["action"], "release": whole}


def _gist(world: World, event: Event) -> Json:
    identity = 1_000_000 + event.number
    return {
        "id": identity,
        "url": f"https://gist.github.com/{identity}",
        "name": f"gist: {identity}",
        "desc": None if event.rng.random() < 0.02 else world.title(event.rng),
        "action": "create" if event.rng.random() < 0.7 else "update",
    }


def _follow(world: World, event: Event) -> Json:
    target = world.actor(world.any_actor(event.rng))
    return {
        "target": {
            "id": target.id,
            "login": target.login,
            "followers": heavy_tailed(event.rng, 40, 9_000),
            "repos": heavy_tailed(event.rng, 12, 900),
            "gravatar_id": f"{mix(target.id):032x}",
        }
    }


def _download(_world: World, event: Event) -> Json:
    identity = 300_000 + event.serial
    return {"id": identity, "url": f"{WEB}/{event.repo.name}/downloads/{identity}"}


PAYLOADS: dict[str, full.Payload] = {
    "PushEvent": _push,
    "CreateEvent": _without_pusher(common.create),
    "DeleteEvent": _without_pusher(common.delete),
    "WatchEvent": common.watch,
    "ForkEvent": lambda world, event: {},
    "IssuesEvent": _issues,
    "IssueCommentEvent": _issue_comment,
    "PullRequestEvent": _pull_request,
    "PullRequestReviewCommentEvent": lambda world, event: {"comment": common.review_comment(world, event)},
    "GollumEvent": rare.gollum,
    "ReleaseEvent": _release,
    "MemberEvent": rare.member,
    "PublicEvent": rare.public,
    "CommitCommentEvent": lambda world, event: {
        "commit": sha(event.rng),
        "comment_id": common.comment_id(event),
    },
    "GistEvent": _gist,
    "FollowEvent": _follow,
    "DownloadEvent": _download,
}


def _url(event: Event, payload: Json) -> str:
    repo = f"{WEB}/{event.repo.name}"
    match event.kind:
        case "PushEvent":
            return f"{repo}/compare/{sha(event.rng)[:10]}...{payload['head'][:10]}"
        case "IssuesEvent":
            return f"{repo}/issues/{payload['number']}"
        case "IssueCommentEvent":
            return f"{repo}/issues/{event.about.number}#issuecomment-{payload['comment_id']}"
        case "PullRequestEvent":
            return str(payload["pull_request"]["html_url"])
        case "PullRequestReviewCommentEvent":
            return str(payload["comment"]["html_url"])
        case "CommitCommentEvent":
            return f"{repo}/commit/{payload['commit'][:10]}#commitcomment-{payload['comment_id']}"
        case "GistEvent":
            return str(payload["url"])
        case "FollowEvent":
            return f"{WEB}/{payload['target']['login']}"
        case _:
            return repo
