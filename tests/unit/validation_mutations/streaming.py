"""What breaks a streaming pipeline."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import STREAM, mutation

MUTATIONS = (
    mutation(
        "no source",
        "HG040",
        STREAM,
        r"type: data_loader",
        "type: markdown",
        also="HG011 HG017",
        at=(STREAM, "blocks:"),
    ),
    mutation(
        "second source",
        "HG040",
        STREAM,
        r"type: data_exporter",
        "type: data_loader",
        also="HG011 HG017 HG041 HG042",
    ),
    mutation(
        "sink with blocks after it",
        "HG041",
        STREAM,
        r"(?s)(?<=upstream_blocks: \[clean\]\n  downstream_blocks: \[)\]",
        "clean]",
        also="HG007 HG008",
    ),
    mutation(
        "transformer at the end",
        "HG041",
        STREAM,
        r"downstream_blocks: \[orders_table, orders_log\]",
        "downstream_blocks: []",
        also="HG007 HG042",
        at=(STREAM, "- uuid: clean"),
    ),
    mutation(
        "sink with two upstream blocks",
        "HG042",
        STREAM,
        r"upstream_blocks: \[clean\]",
        "upstream_blocks: [clean, orders_topic]",
        also="HG007",
    ),
    mutation(
        "source with an upstream block",
        "HG042",
        STREAM,
        r"upstream_blocks: \[\]",
        "upstream_blocks: [orders_log]",
        also="HG007 HG008 HG041 HG013",
    ),
    mutation(
        "unknown source",
        "HG043",
        "data_loaders/orders_topic.yaml",
        r"connector_type: nats",
        "connector_type: nats_js",
    ),
    mutation(
        "sink that Mage rejects",
        "HG043",
        "data_exporters/orders_table.yaml",
        r"connector_type: postgres",
        "connector_type: druid",
    ),
    mutation("no connector", "HG043", "data_exporters/orders_table.yaml", r"connector_type: postgres\n", ""),
    mutation(
        "block that is never run", "HG044", STREAM, r"type: transformer", "type: custom", also="HG011 HG017"
    ),
)
