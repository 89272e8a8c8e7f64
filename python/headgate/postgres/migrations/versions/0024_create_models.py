"""Trained models: their versions and files, the append-only log of promotions, keys of the serving API."""

from alembic import op

revision = "0024"
down_revision = "0023"
TABLES = (
    "ops.model_versions",
    "ops.model_files",
    "ops.model_references",
    "ops.promotions",
    "ops.api_keys",
)


def upgrade() -> None:
    """Creates the registry; the newest promotion of a model is what is deployed."""
    op.execute("""
        create table ops.model_versions (
            model text not null,
            version integer not null check (version > 0),
            model_sha256 text not null,
            task text not null,
            flavour text not null,
            dataset_id integer references ops.datasets,
            release_id integer references ops.releases,
            manifest jsonb not null,
            parameters jsonb not null,
            figures jsonb not null,
            gates jsonb not null,
            passed boolean not null,
            environment jsonb not null,
            code_revision text,
            seconds double precision,
            trained_at timestamptz not null default clock_timestamp(),
            trained_by text not null,
            registered_at timestamptz,
            registered_by text,
            primary key (model, version),
            constraint only_what_passed_is_registered check (registered_at is null or passed)
        );
        comment on table ops.model_versions is
            'Every training that came to its end: of what it was made, its figures, its gates'' verdicts.';
        comment on column ops.model_versions.model_sha256 is
            'Hash of the file that predicts; two trainings of the same have the same.';
        comment on column ops.model_versions.manifest is
            'Signature, feature views and their definitions, entity keys, files and their hashes.';
        comment on column ops.model_versions.gates is
            'In order: gate, verdict, figure, interval, threshold, rows, reason.';

        create table ops.model_files (
            model text not null,
            version integer not null,
            path text not null,
            content bytea not null,
            sha256 text not null,
            primary key (model, version, path),
            foreign key (model, version) references ops.model_versions
        );
        comment on table ops.model_files is 'The files of a version: model, card, plots, lock.';

        create table ops.model_references (
            model text not null,
            version integer not null,
            feature text not null,
            edges double precision[] not null,
            labels text[] not null,
            counts bigint[] not null,
            missing bigint not null,
            primary key (model, version, feature),
            foreign key (model, version) references ops.model_versions
        );
        comment on table ops.model_references is
            'Frozen histograms of training, by feature and for the score: what drift is measured against.';
        comment on column ops.model_references.edges is
            'Inner edges of the bins of a number; empty for a category.';
        comment on column ops.model_references.labels is
            'The categories that have a bin; empty for a number.';
        comment on column ops.model_references.counts is
            'Rows by bin: one more than edges, or one more than labels for all others.';

        create table ops.promotions (
            promotion_id bigint generated always as identity primary key,
            model text not null,
            happened_at timestamptz not null default clock_timestamp(),
            actor text not null,
            action text not null check (
                action in ('register', 'approve', 'deploy', 'shift', 'promote', 'rollback', 'stop')
            ),
            version integer not null,
            champion integer,
            challenger integer,
            canary_share double precision not null default 0 check (canary_share between 0 and 1),
            release_id integer references ops.releases,
            reason text not null,
            details jsonb not null default '{}',
            foreign key (model, version) references ops.model_versions,
            foreign key (model, champion) references ops.model_versions,
            foreign key (model, challenger) references ops.model_versions
        );
        create index promotions_model_idx on ops.promotions (model, promotion_id);
        comment on table ops.promotions is
            'What happened to deployed models, append-only: the newest row of a model is what is deployed.';
        comment on column ops.promotions.version is 'The version that the action was about.';
        comment on column ops.promotions.champion is 'The version that answers once the action is done.';
        comment on column ops.promotions.challenger is
            'The version that is scored in its shadow, and answers the share of keys.';
        comment on column ops.promotions.release_id is
            'The release that was active when the action was done.';

        create trigger append_only before update or delete or truncate on ops.promotions
            for each statement execute function ops.refuse_change();

        create table ops.api_keys (
            key_id bigint generated always as identity primary key,
            name text not null unique,
            sha256 text not null unique,
            scopes text[] not null,
            created_at timestamptz not null default clock_timestamp(),
            created_by text not null,
            revoked_at timestamptz
        );
        comment on table ops.api_keys is
            'Who may ask the serving API for what; the keys themselves are not kept.';
    """)


def downgrade() -> None:
    """Drops every model and the log of promotions."""
    op.execute("""
        drop table ops.api_keys, ops.promotions, ops.model_references, ops.model_files, ops.model_versions
    """)
