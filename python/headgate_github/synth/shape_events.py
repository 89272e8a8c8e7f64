"""The shape `events`: what the archive holds from 2015 to October 2025."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from headgate_github.synth import shape_common as common
from headgate_github.synth import shape_rare as rare
from headgate_github.synth.event import Event, event_id
from headgate_github.synth.objects import API, Json, fork, iso
from headgate_github.synth.pulls import pull_request
from headgate_github.synth.randomness import heavy_tailed, sha
from headgate_github.synth.world import Actor, World

#: GitHub lists at most this many commits of a push.
LISTED_COMMITS = 20


def render(world: World, event: Event) -> Json:
    """The record of an event."""
    return envelope(world, event, PAYLOADS[event.kind](world, event))


def envelope(world: World, event: Event, payload: Json) -> Json:
    """The record around a payload."""
    found: Json = {
        "id": event_id(world, "events", event.hour, event.serial),
        "type": event.kind,
        "actor": account(event.actor),
        "repo": {"id": event.repo.id, "name": event.repo.name, "url": f"{API}/repos/{event.repo.name}"},
        "payload": payload,
        "public": True,
        "created_at": iso(event.at),
    }
    if event.repo.org:
        found["org"] = account(event.repo.org, "orgs")
    return found


def account(found: Actor, place: str = "users") -> Json:
    """The actor or the organisation of the envelope."""
    return {
        "id": found.id,
        "login": found.login,
        "gravatar_id": "",
        "url": f"{API}/{place}/{found.login}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{found.id}?",
    }


def push_size(rng: Random) -> int:
    """How many commits a push has: mostly one, a fifth of the time none, at times hundreds."""
    draw = rng.random()
    if draw < 0.194:
        return 0
    if draw < 0.871:
        return 1
    if draw < 0.988:
        return 2 + heavy_tailed(rng, 1.7, 18)
    return 20 + heavy_tailed(rng, 150, 5_000)


def _push(world: World, event: Event) -> Json:
    rng = event.rng
    size = push_size(rng)
    commits = [_commit(world, event, sha(rng)) for _ in range(min(size, LISTED_COMMITS))]
    return {
        "push_id": 900_000_000 + event.number,
        "size": size,
        "distinct_size": size if size < 2 else min(size, 1 + heavy_tailed(rng, size, size)),
        "ref": f"refs/heads/{common.branch(rng)}",
        "head": commits[-1]["sha"] if commits else sha(rng),
        "before": sha(rng),
        "commits": commits,
    }


def _commit(world: World, event: Event, commit: str) -> Json:
    rng = event.rng
    author = event.actor if rng.random() < 0.85 else world.actor(world.contributor(event.repo, rng))
    return {
        "sha": commit,
        "author": {"email": world.email(author), "name": author.name},
        "message": world.title(rng) if rng.random() < 0.9 else world.text(rng, 220),
        "distinct": rng.random() < 0.9,
        "url": f"{API}/repos/{event.repo.name}/commits/{commit}",
    }


def _fork(world: World, event: Event) -> Json:
    return {"forkee": {**fork(world, event.repo, event.actor, event.at), "public": True}}


def _pull_request(world: World, event: Event) -> Json:
    about = event.about
    return {
        "action": event.action,
        "number": about.number,
        "pull_request": pull_request(world, about, event.at),
    }


def _review_comment(world: World, event: Event) -> Json:
    return {
        "action": "created",
        "comment": common.review_comment(world, event),
        "pull_request": pull_request(world, event.about, event.at, with_outcome=False),
    }


Payload = Callable[[World, Event], Json]
PAYLOADS: dict[str, Payload] = {
    "PushEvent": _push,
    "CreateEvent": common.create,
    "DeleteEvent": common.delete,
    "WatchEvent": common.watch,
    "ForkEvent": _fork,
    "IssuesEvent": common.issues,
    "IssueCommentEvent": common.issue_comment,
    "PullRequestEvent": _pull_request,
    "PullRequestReviewCommentEvent": _review_comment,
    **rare.PAYLOADS,
}
