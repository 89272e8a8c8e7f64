"""The pull request object of the REST API, whole, as it stood at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from headgate_github.synth.objects import API, WEB, Json, fork, fork_id, iso, milestone, repository, user
from headgate_github.synth.randomness import heavy_tailed, sha, stream, unit
from headgate_github.synth.threads import Thread
from headgate_github.synth.world import Actor, Repo, World


@dataclass(frozen=True, slots=True)
class Pull:
    """What stays the same over the life of a pull request."""

    repo: Repo
    author: Actor
    from_fork: bool
    branch: str
    head_sha: str
    base_sha: str
    rng: Random

    @property
    def head_owner(self) -> Actor:
        """Who owns the repository that the changes are in."""
        return self.author if self.from_fork else self.repo.owner

    @property
    def head_repo_id(self) -> int:
        """The id of the repository that the changes are in."""
        return fork_id(self.repo, self.author) if self.from_fork else self.repo.id


def pull(world: World, thread: Thread) -> Pull:
    """The unchanging part of a pull request; its `rng` goes on with the rest, always the same."""
    rng = stream(world.seed, "pull object", thread.id)
    repo = world.repo(thread.repo)
    author = world.actor(thread.author)
    from_fork = not world.is_team(repo, thread.author)
    branch = f"patch-{thread.number % 97}" if from_fork else f"topic-{thread.number % 997}"
    return Pull(repo, author, from_fork, branch, sha(rng), sha(rng), rng)


def pull_request(world: World, thread: Thread, at: int, *, with_outcome: bool = True) -> Json:
    """The whole object; `with_outcome` adds what only PullRequestEvent carries (merged, counts, ...)."""
    known = pull(world, thread)
    rng, repo = known.rng, known.repo
    last_at, last = (thread.before(at) or thread.steps[:1])[-1]
    closed, merged = last in ("closed", "merged"), last == "merged"
    api = f"{API}/repos/{repo.name}"
    url, issue_url = f"{api}/pulls/{thread.number}", f"{api}/issues/{thread.number}"
    web = f"{WEB}/{repo.name}/pull/{thread.number}"
    owner = user(repo.owner)
    base_repo, head_repo = repositories(world, known, thread, at)
    found: Json = {
        "url": url,
        "id": thread.id,
        "html_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "issue_url": issue_url,
        "number": thread.number,
        "state": "closed" if closed else "open",
        "locked": False,
        "title": world.title(rng),
        "user": user(known.author),
        "body": None if rng.random() < 0.03 else world.text(rng, 420),
        "created_at": iso(thread.opened_at),
        "updated_at": iso(last_at),
        "closed_at": iso(last_at) if closed else None,
        "merged_at": iso(last_at) if merged else None,
        "merge_commit_sha": sha(stream(world.seed, "merge", thread.id)) if at > thread.opened_at else None,
        "assignee": user(world.actor(repo.lead)) if rng.random() < 0.08 else None,
        "milestone": milestone(world, repo, rng, thread.opened_at),
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": f"{api}/statuses/{known.head_sha}",
        "head": {
            "label": f"{known.head_owner.login}:{known.branch}",
            "ref": known.branch,
            "sha": known.head_sha,
            "user": user(known.head_owner),
            "repo": head_repo,
        },
        "base": {
            "label": f"{repo.owner.login}:master",
            "ref": "master",
            "sha": known.base_sha,
            "user": owner,
            "repo": base_repo,
        },
        "_links": {
            "self": {"href": url},
            "html": {"href": web},
            "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{api}/pulls/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": f"{api}/statuses/{known.head_sha}"},
        },
    }
    if with_outcome:
        found |= _outcome(world, thread, known, at, closed=closed, merged=merged)
    return found


def repositories(world: World, known: Pull, thread: Thread, at: int) -> tuple[Json, Json]:
    """The repository objects of both sides, base first."""
    base = repository(world, known.repo, at)
    if not known.from_fork:
        return base, base
    return base, fork(world, known.repo, known.author, thread.opened_at - 90_000)


def _outcome(world: World, thread: Thread, known: Pull, at: int, *, closed: bool, merged: bool) -> Json:
    """What GitHub computes for one pull request at a time: merged or not, how large, how much discussed."""
    rng = stream(world.seed, "pull size", thread.id)
    files = 1 + heavy_tailed(rng, 3, 400)
    size = {
        "commits": 1 + heavy_tailed(rng, 1.5, 250),
        "additions": heavy_tailed(rng, 60.0 * files, 400_000),
        "deletions": heavy_tailed(rng, 25.0 * files, 200_000),
        "changed_files": files,
    }
    judged = rng.random() < 0.2 and not closed
    merger = world.actor(known.repo.lead) if known.from_fork else known.author
    discussed = unit(world.seed, 21, thread.id) if at > thread.opened_at else 0.0
    return {
        "merged": merged,
        "mergeable": True if judged else None,
        "mergeable_state": "clean" if judged else "unknown",
        "merged_by": user(merger) if merged else None,
        "comments": int(discussed * discussed * 7),
        "review_comments": int(discussed**4 * 12),
        **size,
    }
