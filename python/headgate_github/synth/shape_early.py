"""The shape `events_early`: what the archive holds of 2011, in the envelope of 2015 with older payloads."""

from __future__ import annotations

from headgate_github.synth import shape_common as common
from headgate_github.synth import shape_events as full
from headgate_github.synth import shape_timeline as timeline
from headgate_github.synth.event import Event
from headgate_github.synth.objects import WEB, Json, fork_id
from headgate_github.synth.pulls import pull_request
from headgate_github.synth.randomness import mix, sha
from headgate_github.synth.world import World

#: Payloads named repository and actor once more until then: 2011-05-01.
_NAMED_UNTIL = 1_304_208_000
#: Kinds of which some have no repository any more, and how many of them.
_GONE = {"CreateEvent": 0.06, "DeleteEvent": 0.06, "DownloadEvent": 0.2, "PublicEvent": 0.2}
_SIZES = ("title", "number", "commits", "deletions", "id", "additions")


def render(world: World, event: Event) -> Json:
    """The record of an event."""
    payload = PAYLOADS[event.kind](world, event)
    if event.at < _NAMED_UNTIL:
        payload |= {"actor": event.actor.login, "actor_gravatar": f"{mix(event.actor.id):032x}"}
        if event.kind not in timeline.WITHOUT_REPOSITORY:
            payload["repo"] = event.repo.name
    found = full.envelope(world, event, payload)
    gone = event.rng.random() < _GONE.get(event.kind, 0)
    if gone or event.kind in timeline.WITHOUT_REPOSITORY:
        found["repo"] = {"name": "/", "url": "https://api.github.com/repos//"}
        found.pop("org", None)
    if gone and not event.actor.is_bot and event.rng.random() < 0.3:
        found["actor"] = {
            "url": "https://api.github.com/users/",
            "avatar_url": "https://secure.gravatar.com/",
        }
    return found


def _push(world: World, event: Event) -> Json:
    payload = timeline.PAYLOADS["PushEvent"](world, event)
    shas = [commit[:4] for commit in payload["shas"]]
    return {**payload, "shas": shas, "push_id": 20_000_000 + event.number}


def _create(world: World, event: Event) -> Json:
    made = common.create(world, event)
    return {"name": event.repo.short_name, "object": made["ref_type"], "object_name": made["ref"]}


def _delete(world: World, event: Event) -> Json:
    payload = common.delete(world, event)
    return {key: payload[key] for key in ("ref", "ref_type")}


def _pull_request(world: World, event: Event) -> Json:
    about = event.about
    whole = pull_request(world, about, event.at)
    small = {key: whole[key] for key in _SIZES} | {"issue_id": 200_000_000 + about.number}
    return {"action": event.action, "number": about.number, "pull_request": small}


def _gollum(world: World, event: Event) -> Json:
    title = world.title(event.rng)
    page = {"page_name": title.replace(" ", "-"), "sha": sha(event.rng), "action": "edited"}
    return {"title": title, "summary": None, **page}


def _gist(world: World, event: Event) -> Json:
    identity = 800_000 + event.number
    words = {"name": f"gist: {identity}", "desc": world.title(event.rng), "snippet": "puts 1"}
    return {**words, "url": f"https://gist.github.com/{identity}", "action": "create"}


def _download(_world: World, event: Event) -> Json:
    return {"id": 70_000 + event.serial, "url": f"{WEB}/downloads/{event.repo.name}/{event.serial}"}


PAYLOADS: dict[str, full.Payload] = {
    **timeline.PAYLOADS,
    "PushEvent": _push,
    "CreateEvent": _create,
    "DeleteEvent": _delete,
    "ForkEvent": lambda world, event: {"forkee": fork_id(event.repo, event.actor)},
    "PullRequestEvent": _pull_request,
    "GollumEvent": _gollum,
    "MemberEvent": lambda world, event: {"member": event.actor.login, "action": "added"},
    "PublicEvent": lambda world, event: {},
    "GistEvent": _gist,
    "DownloadEvent": _download,
}
