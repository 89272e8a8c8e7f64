"""What breaks a project: secrets, data products, its settings, its own rules."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import BUILD, LAND, mutation

MUTATIONS = (
    # Secrets
    mutation(
        "password in io_config",
        "HG050",
        "io_config.yaml",
        r"(?m)^(  POSTGRES_PASSWORD): .*",
        r"\1: hunter2-and-more",
    ),
    mutation(
        "password in a URL",
        "HG050",
        "data_loaders/orders_topic.yaml",
        r"server_url: .*",
        "server_url: nats://mage:hunter2@nats:4222",
    ),
    mutation(
        "cloud key in Python",
        "HG050",
        "data_exporters/*/*.py",
        r"(?m)^    return",
        '    key = "AKIA' + "Q" * 16 + '"\n    return',
    ),
    mutation(
        "password in Python",
        "HG050",
        "custom/orders/*.py",
        r"(?m)^    return",
        '    kwargs["db_password"] = "hunter2-and-more"\n    return',
    ),
    mutation(
        "token as a default",
        "HG050",
        "custom/orders/*.py",
        r"(?m)^    return",
        '    token = kwargs.get("token", "2e7c9d4b0f91")\n    return',
    ),
    mutation(
        "password in SQL",
        "HG050",
        "../models/orders/order_totals.sql",
        r"\Aselect",
        "-- postgresql://mage:hunter2@host/db\nselect",
    ),
    mutation(
        "private key in a pipeline", "HG050", LAND, r"(?m)^  day: null", '  client_secret: "aB3dE6gH9jK2"'
    ),
    # Products, the project, its own rules
    mutation(
        "product of a pipeline that is gone",
        "HG060",
        "global_data_products.yaml",
        "object_uuid: land_orders",
        "object_uuid: land_order",
    ),
    mutation(
        "product of a block that is gone",
        "HG060",
        "global_data_products.yaml",
        "orders/check_orders",
        "orders/check_order",
    ),
    mutation(
        "block of a product that is gone", "HG060", BUILD, "uuid: orders_today", "uuid: orders_yesterday"
    ),
    mutation(
        "unknown product type",
        "HG061",
        "global_data_products.yaml",
        "object_type: pipeline",
        "object_type: pipelin",
    ),
    mutation(
        "unknown project type", "HG061", "metadata.yaml", "project_type: standalone", "project_type: single"
    ),
    mutation("unknown alert", "HG061", "metadata.yaml", "- trigger_passed_sla", "- trigger_failed"),
    mutation(
        "gate taken away",
        "HG070",
        "transformers/orders/check_orders.py",
        r"(?m)^@test",
        "#",
        at=(LAND, "- uuid: orders/export_orders"),
    ),
    mutation(
        "long block",
        "HG071",
        "custom/orders/*.py",
        r"(?m)^    return",
        "\n" * 31 + "    return",
        line=31,
    ),
)
