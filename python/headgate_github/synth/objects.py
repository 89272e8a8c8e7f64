"""The objects inside payloads as GitHub's REST API wrote them in 2016: users, repositories, issues."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any

from headgate_github.synth import words
from headgate_github.synth.randomness import stream, unit
from headgate_github.synth.threads import Thread
from headgate_github.synth.world import Actor, Repo, World

Json = dict[str, Any]
API = "https://api.github.com"
WEB = "https://github.com"

_REPOSITORY_LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
}


_CLOCK = tuple(f"{second // 60:02}:{second % 60:02}Z" for second in range(3_600))


def iso(epoch: int) -> str:
    """An instant as the API writes it, `2016-01-01T01:00:00Z`."""
    return _hour(epoch // 3_600) + _CLOCK[epoch % 3_600]


@lru_cache(maxsize=8_192)
def _hour(number: int) -> str:
    return datetime.fromtimestamp(number * 3_600, UTC).strftime("%Y-%m-%dT%H:")


def user(person: Actor) -> Json:
    """A whole user object."""
    api, web = f"{API}/users/{person.login}", f"{WEB}/{person.login}"
    return {
        "login": person.login,
        "id": person.id,
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=3",
        "gravatar_id": "",
        "url": api,
        "html_url": web,
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": person.kind,
        "site_admin": False,
    }


def repository(world: World, repo: Repo, at: int) -> Json:
    """A whole repository object, as it stood on the day of `at`."""
    pushed_at = repo.pushed_at(at)
    return {
        **_head(repo.id, repo.short_name, repo.owner, fork=repo.is_fork, description=world.description(repo)),
        "created_at": iso(repo.born_at),
        "updated_at": iso(pushed_at + 60),
        "pushed_at": iso(pushed_at),
        **_clone_links(repo.name),
        "homepage": repo.homepage,
        "size": repo.size,
        "stargazers_count": repo.stars,
        "watchers_count": repo.stars,
        "language": repo.language,
        "has_issues": not repo.is_fork,
        "has_downloads": True,
        "has_wiki": repo.has_wiki,
        "has_pages": repo.has_pages,
        "forks_count": repo.forks,
        "mirror_url": None,
        "open_issues_count": repo.open_issues,
        "forks": repo.forks,
        "open_issues": repo.open_issues,
        "watchers": repo.stars,
        "default_branch": "master",
    }


def fork(world: World, repo: Repo, owner: Actor, at: int) -> Json:
    """The repository object of a person's fork of `repo`, made at `at`."""
    return {
        **_head(fork_id(repo, owner), repo.short_name, owner, fork=True, description=world.description(repo)),
        "created_at": iso(at),
        "updated_at": iso(at),
        "pushed_at": iso(repo.pushed_at(at)),
        **_clone_links(f"{owner.login}/{repo.short_name}"),
        "homepage": repo.homepage,
        "size": repo.size,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": repo.language,
        "has_issues": False,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "forks_count": 0,
        "mirror_url": None,
        "open_issues_count": 0,
        "forks": 0,
        "open_issues": 0,
        "watchers": 0,
        "default_branch": "master",
    }


def fork_id(repo: Repo, owner: Actor) -> int:
    """The id of a person's fork of a repository."""
    return 100_000_000 + (repo.id * 7_919 + owner.id * 104_729) % 900_000_000


def _head(identity: int, name: str, owner: Actor, *, fork: bool, description: str | None) -> Json:
    full_name = f"{owner.login}/{name}"
    api = f"{API}/repos/{full_name}"
    return {
        "id": identity,
        "name": name,
        "full_name": full_name,
        "owner": user(owner),
        "private": False,
        "html_url": f"{WEB}/{full_name}",
        "description": description,
        "fork": fork,
        "url": api,
        **{key: api + path for key, path in _REPOSITORY_LINKS.items()},
    }


def _clone_links(full_name: str) -> Json:
    return {
        "git_url": f"git://github.com/{full_name}.git",
        "ssh_url": f"git@github.com:{full_name}.git",
        "clone_url": f"{WEB}/{full_name}.git",
        "svn_url": f"{WEB}/{full_name}",
    }


def labels(repo: Repo, rng: Random) -> list[Json]:
    """The labels of an issue: mostly none."""
    if rng.random() > 0.3:
        return []
    name, color = words.LABELS[int(rng.random() * len(words.LABELS))]
    return [
        {"url": f"{API}/repos/{repo.name}/labels/{name.replace(' ', '%20')}", "name": name, "color": color}
    ]


def milestone(world: World, repo: Repo, rng: Random, at: int) -> Json | None:
    """The milestone of an issue or pull request: mostly none."""
    if rng.random() > 0.08:
        return None
    number = 1 + int(rng.random() * 9)
    api = f"{API}/repos/{repo.name}/milestones/{number}"
    made_at = max(repo.born_at, at - 2_000_000)
    return {
        "url": api,
        "html_url": f"{WEB}/{repo.name}/milestones/{number}.0",
        "labels_url": f"{api}/labels",
        "id": 1_000_000 + 10 * repo.rank + number,
        "number": number,
        "title": f"{number}.0",
        "description": world.title(rng),
        "creator": user(world.actor(repo.lead)),
        "open_issues": repo.open_issues,
        "closed_issues": repo.open_issues * 2,
        "state": "open",
        "created_at": iso(made_at),
        "updated_at": iso(at - 86_400),
        "due_on": None,
        "closed_at": None,
    }


def issue(world: World, thread: Thread, at: int) -> Json:
    """The issue object of a thread (an issue or a pull request) as it stood at an instant."""
    repo = world.repo(thread.repo)
    rng = stream(world.seed, "issue object", thread.id, thread.kind)
    past = thread.before(at) or thread.steps[:1]
    last_at, last = past[-1]
    closed = last in ("closed", "merged")
    api = f"{API}/repos/{repo.name}/issues/{thread.number}"
    web = f"{WEB}/{repo.name}/{'pull' if thread.kind == 'pull' else 'issues'}/{thread.number}"
    assigned = rng.random() < 0.12
    found: Json = {
        "url": api,
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": web,
        "id": 200_000_000 + thread.number,
        "number": thread.number,
        "title": world.title(rng),
        "user": user(world.actor(thread.author)),
        "labels": labels(repo, rng),
        "state": "closed" if closed else "open",
        "locked": False,
        "assignee": user(world.actor(repo.lead)) if assigned else None,
        "milestone": milestone(world, repo, rng, thread.opened_at),
        "comments": int(unit(world.seed, thread.id, at) * 8) if at > thread.opened_at else 0,
        "created_at": iso(thread.opened_at),
        "updated_at": iso(max(at, last_at)),
        "closed_at": iso(last_at) if closed else None,
    }
    if thread.kind == "pull":
        pull = f"{WEB}/{repo.name}/pull/{thread.number}"
        found["pull_request"] = {
            "url": f"{API}/repos/{repo.name}/pulls/{thread.number}",
            "html_url": pull,
            "diff_url": f"{pull}.diff",
            "patch_url": f"{pull}.patch",
        }
    found["body"] = world.text(rng, 640)
    return found
