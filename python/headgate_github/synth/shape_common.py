"""Payloads that several generations share."""

from __future__ import annotations

from random import Random

from headgate_github.synth.event import Event
from headgate_github.synth.objects import API, WEB, Json, iso, issue, user
from headgate_github.synth.randomness import heavy_tailed, sha
from headgate_github.synth.world import World


def branch(rng: Random) -> str:
    """The name of a branch."""
    return "master" if rng.random() < 0.75 else f"topic-{rng.getrandbits(12)}"


def create(world: World, event: Event) -> Json:
    """A repository, branch or tag was made."""
    rng = event.rng
    draw = rng.random()
    kind = "branch" if draw < 0.56 else "repository" if draw < 0.925 else "tag"
    ref = {
        "branch": branch(rng),
        "tag": f"v{rng.getrandbits(3)}.{rng.getrandbits(4)}.{rng.getrandbits(3)}",
    }.get(kind)
    return {
        "ref": ref,
        "ref_type": kind,
        "master_branch": "master",
        "description": None if rng.random() < 0.2 else world.title(rng),
        "pusher_type": "user",
    }


def delete(_world: World, event: Event) -> Json:
    """A branch or tag was removed."""
    tag = event.rng.random() < 0.1
    return {
        "ref": f"v0.{event.rng.getrandbits(5)}" if tag else f"topic-{event.rng.getrandbits(12)}",
        "ref_type": "tag" if tag else "branch",
        "pusher_type": "user",
    }


def watch(_world: World, _event: Event) -> Json:
    """A star."""
    return {"action": "started"}


def issues(world: World, event: Event) -> Json:
    """An issue was opened, closed or reopened."""
    return {"action": event.action, "issue": issue(world, event.about, event.at)}


def issue_comment(world: World, event: Event) -> Json:
    """A comment on an issue or on a pull request."""
    repo, about = event.repo, event.about
    api = f"{API}/repos/{repo.name}/issues"
    identity = comment_id(event)
    place = f"{'pull' if about.kind == 'pull' else 'issues'}/{about.number}"
    comment = {
        "url": f"{api}/comments/{identity}",
        "html_url": f"{WEB}/{repo.name}/{place}#issuecomment-{identity}",
        "issue_url": f"{api}/{about.number}",
        "id": identity,
        "user": user(event.actor),
        "created_at": iso(event.at),
        "updated_at": iso(event.at),
        "body": world.text(event.rng, 330),
    }
    return {"action": "created", "issue": issue(world, about, event.at), "comment": comment}


def comment_id(event: Event) -> int:
    """The id of a comment."""
    return 100_000_000 + event.number


def review_comment(world: World, event: Event) -> Json:
    """A comment on a line of a pull request."""
    rng, repo, about = event.rng, event.repo, event.about
    identity = comment_id(event)
    commit = sha(rng)
    api = f"{API}/repos/{repo.name}/pulls"
    web = f"{WEB}/{repo.name}/pull/{about.number}#discussion_r{identity}"
    position = 1 + heavy_tailed(rng, 20, 900)
    return {
        "url": f"{api}/comments/{identity}",
        "id": identity,
        "diff_hunk": f"@@ -{position},6 +{position},9 @@\n {world.text(rng, 620)}",
        "path": f"src/{branch(rng)}/main.py",
        "position": position,
        "original_position": position,
        "commit_id": commit,
        "original_commit_id": commit,
        "user": user(event.actor),
        "body": world.text(rng, 180),
        "created_at": iso(event.at),
        "updated_at": iso(event.at),
        "html_url": web,
        "pull_request_url": f"{api}/{about.number}",
        "_links": {
            "self": {"href": f"{api}/comments/{identity}"},
            "html": {"href": web},
            "pull_request": {"href": f"{api}/{about.number}"},
        },
    }
