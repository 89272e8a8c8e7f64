"""The shape `events_slim`: what the archive holds since October 2025. A merge is an action of its own."""

from __future__ import annotations

from headgate_github.synth import shape_common as common
from headgate_github.synth import shape_events as full
from headgate_github.synth.event import Event, event_id
from headgate_github.synth.objects import API, Json, fork, user
from headgate_github.synth.pulls import pull
from headgate_github.synth.randomness import sha
from headgate_github.synth.world import World

_LICENSE = {
    "key": "mit",
    "name": "MIT License",
    "spdx_id": "MIT",
    "url": "https://api.github.com/licenses/mit",
    "node_id": "MDc6TGljZW5zZTEz",
}


def render(world: World, event: Event) -> Json:
    """The record of an event."""
    found = full.envelope(world, event, PAYLOADS[event.kind](world, event))
    found["id"] = event_id(world, "events_slim", event.hour, event.serial)
    found["actor"] = {
        "id": event.actor.id,
        "login": event.actor.login,
        "display_login": event.actor.login.removesuffix("[bot]"),
        "gravatar_id": "",
        "url": f"{API}/users/{event.actor.login}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{event.actor.id}?",
    }
    return found


def _push(_world: World, event: Event) -> Json:
    rng = event.rng
    return {
        "repository_id": event.repo.id,
        "push_id": 20_000_000_000 + event.number,
        "ref": f"refs/heads/{common.branch(rng)}",
        "head": sha(rng),
        "before": sha(rng),
    }


def _pull_request(world: World, event: Event) -> Json:
    about = event.about
    return {"action": str(event.step), "number": about.number, "pull_request": _slim_pull(world, event)}


def _slim_pull(world: World, event: Event) -> Json:
    about = event.about
    known = pull(world, about)
    head_name = f"{known.head_owner.login}/{known.repo.short_name}"
    return {
        "url": f"{API}/repos/{known.repo.name}/pulls/{about.number}",
        "id": about.id,
        "number": about.number,
        "head": {
            "ref": known.branch,
            "sha": known.head_sha,
            "repo": _slim_repo(known.head_repo_id, head_name, known.repo.short_name),
        },
        "base": {
            "ref": "master",
            "sha": known.base_sha,
            "repo": _slim_repo(known.repo.id, known.repo.name, known.repo.short_name),
        },
    }


def _slim_repo(identity: int, full_name: str, name: str) -> Json:
    return {"id": identity, "url": f"{API}/repos/{full_name}", "name": name}


def _review_comment(world: World, event: Event) -> Json:
    comment = common.review_comment(world, event)
    return {"action": "created", "comment": comment, "pull_request": _slim_pull(world, event)}


def _create(world: World, event: Event) -> Json:
    payload = common.create(world, event)
    payload["full_ref"] = _full_ref(payload)
    order = ("ref", "ref_type", "full_ref", "master_branch", "description", "pusher_type")
    return {key: payload[key] for key in order}


def _delete(world: World, event: Event) -> Json:
    payload = common.delete(world, event)
    payload["full_ref"] = _full_ref(payload)
    return {key: payload[key] for key in ("ref", "ref_type", "full_ref", "pusher_type")}


def _full_ref(payload: Json) -> str:
    kinds = {"branch": "heads", "tag": "tags"}
    return f"refs/{kinds[payload['ref_type']]}/{payload['ref']}" if payload["ref"] else ""


def _fork(world: World, event: Event) -> Json:
    forkee = fork(world, event.repo, event.actor, event.at)
    api = str(forkee["url"])
    return {
        "action": "forked",
        "forkee": {
            **forkee,
            "node_id": f"R_{forkee['id']:x}",
            "owner": {
                **user(event.actor),
                "node_id": f"U_{event.actor.id:x}",
                "user_view_type": "public",
            },
            "deployments_url": f"{api}/deployments",
            "has_projects": True,
            "has_discussions": False,
            "archived": False,
            "disabled": False,
            "license": _LICENSE,
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "has_pull_requests": True,
            "pull_request_creation_policy": "all",
            "topics": [],
            "visibility": "public",
        },
    }


PAYLOADS: dict[str, full.Payload] = {
    **full.PAYLOADS,
    "PushEvent": _push,
    "PullRequestEvent": _pull_request,
    "PullRequestReviewCommentEvent": _review_comment,
    "CreateEvent": _create,
    "DeleteEvent": _delete,
    "ForkEvent": _fork,
}
