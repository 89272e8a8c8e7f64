"""Typing as a tutorial teaches it: from a table with one jsonb column, one chain of arrows per column.

The same columns as the staging models, for the generation `events`. The models' coalesces over generations,
their screening and their de-duplication are left out, which makes this the cheaper one.
"""

from __future__ import annotations

#: Columns of a staging model that a plain table cannot have: place of the record, its generation.
OWN_COLUMNS = frozenset({"partition_start", "line_number", "schema_generation"})

_COMMON = """
event_id id text
actor_id actor.id bigint
actor_login actor.login text
repository_id repo.id bigint
created_at created_at timestamptz
"""

#: Staging model -> event type, and its columns as lines `name path type`.
_MODELS: dict[str, tuple[str, str]] = {
    "pull_requests": (
        "PullRequestEvent",
        """
pull_request_id payload.pull_request.id bigint
pull_request_number payload.number bigint
author_id payload.pull_request.user.id bigint
merged_by_id payload.pull_request.merged_by.id bigint
assignee_id payload.pull_request.assignee.id bigint
milestone_id payload.pull_request.milestone.id bigint
head_repository_id payload.pull_request.head.repo.id bigint
base_repository_id payload.pull_request.base.repo.id bigint
author_login payload.pull_request.user.login text
merged_by_login payload.pull_request.merged_by.login text
action payload.action text
outcome - outcome
state payload.pull_request.state text
title payload.pull_request.title text
author_association payload.pull_request.author_association text
mergeable_state payload.pull_request.mergeable_state text
merge_commit_sha payload.pull_request.merge_commit_sha text
head_ref payload.pull_request.head.ref text
head_sha payload.pull_request.head.sha text
base_ref payload.pull_request.base.ref text
base_sha payload.pull_request.base.sha text
base_repository_name payload.pull_request.base.repo.full_name text
base_repository_language payload.pull_request.base.repo.language text
body_length payload.pull_request.body length
labels_count payload.pull_request.labels count
comments_count payload.pull_request.comments bigint
review_comments_count payload.pull_request.review_comments bigint
commits_count payload.pull_request.commits bigint
additions_count payload.pull_request.additions bigint
deletions_count payload.pull_request.deletions bigint
changed_files_count payload.pull_request.changed_files bigint
base_repository_stars_count payload.pull_request.base.repo.stargazers_count bigint
base_repository_forks_count payload.pull_request.base.repo.forks_count bigint
base_repository_open_issues_count payload.pull_request.base.repo.open_issues_count bigint
is_merged payload.pull_request.merged boolean
is_mergeable payload.pull_request.mergeable boolean
is_draft payload.pull_request.draft boolean
is_locked payload.pull_request.locked boolean
is_modifiable_by_maintainers payload.pull_request.maintainer_can_modify boolean
pull_request_created_at payload.pull_request.created_at timestamptz
pull_request_updated_at payload.pull_request.updated_at timestamptz
pull_request_closed_at payload.pull_request.closed_at timestamptz
pull_request_merged_at payload.pull_request.merged_at timestamptz
""",
    ),
    "pull_request_review_comments": (
        "PullRequestReviewCommentEvent",
        """
comment_id payload.comment.id bigint
in_reply_to_comment_id payload.comment.in_reply_to_id bigint
comment_author_id payload.comment.user.id bigint
pull_request_id payload.pull_request.id bigint
pull_request_number payload.pull_request.number bigint
comment_author_login payload.comment.user.login text
action payload.action text
author_association payload.comment.author_association text
path payload.comment.path text
commit_sha payload.comment.commit_id text
body_length payload.comment.body length
diff_position payload.comment.position bigint
comment_created_at payload.comment.created_at timestamptz
comment_updated_at payload.comment.updated_at timestamptz
""",
    ),
    "issues": (
        "IssuesEvent",
        """
issue_id payload.issue.id bigint
issue_number payload.issue.number bigint
issue_author_id payload.issue.user.id bigint
assignee_id payload.issue.assignee.id bigint
milestone_id payload.issue.milestone.id bigint
issue_author_login payload.issue.user.login text
action payload.action text
state payload.issue.state text
title payload.issue.title text
author_association payload.issue.author_association text
comments_count payload.issue.comments bigint
labels_count payload.issue.labels count
is_locked payload.issue.locked boolean
issue_created_at payload.issue.created_at timestamptz
issue_updated_at payload.issue.updated_at timestamptz
issue_closed_at payload.issue.closed_at timestamptz
""",
    ),
    "issue_comments": (
        "IssueCommentEvent",
        """
comment_id payload.comment.id bigint
issue_id payload.issue.id bigint
issue_number payload.issue.number bigint
comment_author_id payload.comment.user.id bigint
comment_author_login payload.comment.user.login text
action payload.action text
author_association payload.comment.author_association text
body_length payload.comment.body length
is_on_pull_request payload.issue.pull_request.html_url exists
comment_created_at payload.comment.created_at timestamptz
comment_updated_at payload.comment.updated_at timestamptz
""",
    ),
    "pushes": (
        "PushEvent",
        """
push_id payload.push_id bigint
ref payload.ref text
head_sha payload.head text
before_sha payload.before text
commits_count payload.size bigint
distinct_commits_count payload.distinct_size bigint
""",
    ),
    "stars": ("WatchEvent", "action payload.action text"),
    "forks": (
        "ForkEvent",
        """
fork_repository_id payload.forkee.id bigint
fork_owner_id payload.forkee.owner.id bigint
fork_owner_login payload.forkee.owner.login text
fork_repository_name payload.forkee.full_name text
fork_created_at payload.forkee.created_at timestamptz
""",
    ),
    "creates": (
        "CreateEvent",
        """
ref payload.ref text
ref_type payload.ref_type text
pusher_type payload.pusher_type text
default_branch payload.master_branch text
description_length payload.description length
""",
    ),
    "deletes": (
        "DeleteEvent",
        """
ref payload.ref text
ref_type payload.ref_type text
pusher_type payload.pusher_type text
""",
    ),
    "releases": (
        "ReleaseEvent",
        """
release_id payload.release.id bigint
release_author_id payload.release.author.id bigint
release_author_login payload.release.author.login text
action payload.action text
tag_name payload.release.tag_name text
release_name payload.release.name text
target_commitish payload.release.target_commitish text
assets_count payload.release.assets count
is_draft payload.release.draft boolean
is_prerelease payload.release.prerelease boolean
release_created_at payload.release.created_at timestamptz
release_published_at payload.release.published_at timestamptz
""",
    ),
}

_EVENTS = """
event_type type text
repository_name repo.name text
organization_id org.id bigint
organization_login org.login text
is_public public boolean
"""

_PUSH_COMMITS = """
select
    record ->> 'id' as event_id,
    (record -> 'repo' ->> 'id')::bigint as repository_id,
    position as commit_position,
    element ->> 'sha' as commit_sha,
    element -> 'author' ->> 'email' as author_email,
    element -> 'author' ->> 'name' as author_name,
    length(element ->> 'message') as message_length,
    (element ->> 'distinct')::boolean as is_distinct,
    (record ->> 'created_at')::timestamptz as created_at
from {table}
cross join lateral jsonb_array_elements(record -> 'payload' -> 'commits') with ordinality
    as commits (element, position)
where {filter}"""

_OUTCOME = """case
        when record -> 'payload' ->> 'action' = 'opened' then 'opened'
        when (record -> 'payload' -> 'pull_request' ->> 'merged')::boolean then 'merged'
        when record -> 'payload' ->> 'action' = 'closed' then 'rejected'
    end"""


def models() -> dict[str, str]:
    """Each staging model's name with its event type."""
    return {name: kind for name, (kind, _) in _MODELS.items()}


def columns(name: str) -> list[str]:
    """The columns that `typed` selects for a staging model, in order."""
    return [line.split()[0] for line in _lines(name)]


def typed(name: str, table: str, column: str | None = None) -> str:
    """The select statement of one staging model over `table (record jsonb)`.

    `column` names a column of the table that holds the event type; without it that is read from the record.
    """
    kind = _MODELS[name][0]
    chosen = ",\n    ".join(_expression(*line.split()) for line in _lines(name))
    return f"select\n    {chosen}\nfrom {table}\nwhere {column or _arrows('type')} = '{kind}'"


def all_typed(table: str) -> dict[str, str]:
    """The select statements of all staging models: the envelope, each kind, the commits of pushes."""
    envelope = ",\n    ".join(_expression(*line.split()) for line in (_COMMON + _EVENTS).split("\n") if line)
    return {
        "events": f"select\n    {envelope}\nfrom {table}",
        **{name: typed(name, table) for name in _MODELS},
        "push_commits": _PUSH_COMMITS.format(table=table, filter="record ->> 'type' = 'PushEvent'"),
    }


def _lines(name: str) -> list[str]:
    return [line for line in (_COMMON + _MODELS[name][1]).split("\n") if line]


def _expression(name: str, path: str, kind: str) -> str:
    value = _arrows(path)
    if kind == "length":
        value = f"length({value})"
    elif kind == "count":
        value = f"jsonb_array_length({_arrows(path, last='->')})"
    elif kind == "exists":
        value = f"{value} is not null"
    elif kind == "outcome":
        value = _OUTCOME
    elif kind != "text":
        value = f"({value})::{kind}"
    return f"{value} as {name}"


def _arrows(path: str, last: str = "->>") -> str:
    *parents, leaf = path.split(".")
    return "record" + "".join(f" -> '{key}'" for key in parents) + f" {last} '{leaf}'"
