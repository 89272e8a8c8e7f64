"""What breaks the Python file of a block."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import ANY_PIPELINE, mutation

MUTATIONS = (
    mutation(
        "block that does not parse", "HG012", "*/orders/*.py", r"(?m)^(def \w+)\(", r"\1((", also="HG070"
    ),
    mutation(
        "decorator gone",
        "HG012",
        "*/*/*.py",
        r"(?m)^@(?:data_loader|data_exporter|sensor|transformer|custom)\n",
        "",
        at=("*/*/*.py", r"\A"),
        also="HG017",
    ),
    mutation(
        "decorator of another type",
        "HG012",
        "custom/orders/*.py",
        r"(?m)^@custom",
        "@transformer",
        offset=1,
        also="HG017",
    ),
    mutation(
        "second function",
        "HG012",
        "data_loaders/*/*.py",
        # Not in streaming sources, which are classes.
        r"(?s)(?<=\n)@data_loader\ndef .*\Z",
        "\\g<0>\n\n@data_loader\ndef more(**kwargs):\n    return []\n",
        at=("data_loaders/*/*.py", r"def more"),
        also="HG013 HG071",
    ),
    mutation(
        "function instead of a sink",
        "HG012",
        "data_exporters/orders_log.py",
        "@streaming_sink\nclass",
        "@data_exporter\nclass",
        offset=1,
    ),
    mutation("sensor without kwargs", "HG013", "sensors/*/*.py", r"\*args, \*\*kwargs", "*args"),
    mutation("callback without kwargs", "HG013", "callbacks/alert.py", r", \*\*kwargs", ""),
    mutation("more parameters than blocks", "HG013", "*/orders/*.py", r"(def \w+\()", r"\1extra, more, "),
    mutation(
        "keyword-only parameter",
        "HG013",
        "data_loaders/*/*.py",
        r"\*args, \*\*kwargs",
        "*args, day=None, more=1, **kwargs",
    ),
    mutation(
        "fewer parameters than blocks", "HG013", "custom/orders/*.py", r"orders, \*\*kwargs", "**kwargs"
    ),
    mutation(
        "async function",
        "HG013",
        "*/*/*.py",
        r"(?m)^def (?=load_orders|land_hours|hour_published|files_there)",
        "async def ",
    ),
    mutation(
        "call at import",
        "HG018",
        "*/*/*.py",
        r"(?m)^@(?=data_loader|sensor)",
        "ROWS = open('rows').read()\n\n\n@",
    ),
    mutation(
        "loop at import",
        "HG018",
        "*/orders/*.py",
        r"(?m)^@(?=data_loader|sensor)",
        "for number in [1]:\n    pass\n\n\n@",
    ),
    mutation(
        "decorator imported over Mage's",
        "HG028",
        "data_loaders/*/*.py",
        r'if "data_loader" not in globals\(\):\n    ',
        "",
    ),
    mutation(
        "sensor that waits for ever",
        "HG019",
        ANY_PIPELINE,
        r"  timeout: (?:1800|3600)\n",
        "",
        at=(ANY_PIPELINE, r"(?m)^- uuid: (?:orders/files_there|build/new_loads|gharchive/hour_published)\n"),
    ),
    mutation(
        "callback for no status",
        "HG029",
        "callbacks/**/*.py",
        r"(?m)^@callback\((['\"])failure",
        r"@callback(\1failed",
        offset=1,
    ),
)
