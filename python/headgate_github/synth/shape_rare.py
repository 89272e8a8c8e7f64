"""The payloads of the rarer kinds, the same in `events` and `events_slim`."""

from __future__ import annotations

from headgate_github.synth.event import Event
from headgate_github.synth.objects import API, WEB, Json, iso, user
from headgate_github.synth.randomness import heavy_tailed, sha
from headgate_github.synth.shape_common import comment_id
from headgate_github.synth.world import World


def gollum(world: World, event: Event) -> Json:
    """Wiki pages were written."""
    rng = event.rng
    pages = [f"{world.title(rng)} {number}" for number in range(1 + heavy_tailed(rng, 0.3, 20))]
    return {
        "pages": [
            {
                "page_name": page.replace(" ", "-"),
                "title": page,
                "summary": None,
                "action": "edited" if rng.random() < 0.7 else "created",
                "sha": sha(rng),
                "html_url": f"{WEB}/{event.repo.name}/wiki/{page.replace(' ', '-')}",
            }
            for page in pages
        ]
    }


def release(world: World, event: Event) -> Json:
    """A release was published."""
    rng, repo = event.rng, event.repo
    identity = comment_id(event)
    tag = f"v{rng.getrandbits(3)}.{rng.getrandbits(4)}.{rng.getrandbits(4)}"
    api, web = f"{API}/repos/{repo.name}/releases", f"{WEB}/{repo.name}/releases"
    uploads = f"https://uploads.github.com/repos/{repo.name}/releases/{identity}/assets{{?name,label}}"
    return {
        "action": "published",
        "release": {
            "url": f"{api}/{identity}",
            "assets_url": f"{api}/{identity}/assets",
            "upload_url": uploads,
            "html_url": f"{web}/tag/{tag}",
            "id": identity,
            "tag_name": tag,
            "target_commitish": "master",
            "name": tag if rng.random() < 0.95 else None,
            "draft": False,
            "author": user(event.actor),
            "prerelease": rng.random() < 0.1,
            "created_at": iso(event.at - int(rng.random() * 90_000)),
            "published_at": iso(event.at),
            "assets": [_asset(event, tag, number) for number in range(int(rng.random() ** 4 * 3))],
            "tarball_url": f"{API}/repos/{repo.name}/tarball/{tag}",
            "zipball_url": f"{API}/repos/{repo.name}/zipball/{tag}",
            "body": None if rng.random() < 0.05 else world.text(rng, 400),
        },
    }


def _asset(event: Event, tag: str, number: int) -> Json:
    identity = 4 * comment_id(event) + number
    name = f"{event.repo.short_name}-{tag}-{number}.tar.gz"
    return {
        "url": f"{API}/repos/{event.repo.name}/releases/assets/{identity}",
        "id": identity,
        "name": name,
        "label": None,
        "uploader": user(event.actor),
        "content_type": "application/gzip",
        "state": "uploaded",
        "size": heavy_tailed(event.rng, 900_000, 400_000_000),
        "download_count": 0,
        "created_at": iso(event.at - 60),
        "updated_at": iso(event.at - 50),
        "browser_download_url": f"{WEB}/{event.repo.name}/releases/download/{tag}/{name}",
    }


def commit_comment(world: World, event: Event) -> Json:
    """A comment on a commit."""
    rng, repo = event.rng, event.repo
    identity, commit = comment_id(event), sha(rng)
    in_file = rng.random() < 0.4
    return {
        "comment": {
            "url": f"{API}/repos/{repo.name}/comments/{identity}",
            "html_url": f"{WEB}/{repo.name}/commit/{commit}#commitcomment-{identity}",
            "id": identity,
            "user": user(event.actor),
            "position": 1 + heavy_tailed(rng, 20, 500) if in_file else None,
            "line": 1 + heavy_tailed(rng, 90, 9_000) if in_file else None,
            "path": "src/main.py" if in_file else None,
            "commit_id": commit,
            "created_at": iso(event.at),
            "updated_at": iso(event.at),
            "body": world.text(rng, 270),
        }
    }


def member(world: World, event: Event) -> Json:
    """Somebody may now write to a repository."""
    return {"member": user(world.actor(world.any_actor(event.rng))), "action": "added"}


def public(_world: World, _event: Event) -> Json:
    """A repository was opened to the public."""
    return {}


PAYLOADS = {
    "GollumEvent": gollum,
    "ReleaseEvent": release,
    "CommitCommentEvent": commit_comment,
    "MemberEvent": member,
    "PublicEvent": public,
}
