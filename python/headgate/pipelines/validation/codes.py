"""Every code of a finding: its severity and what it says. A code never changes its meaning."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Code:
    """A kind of finding."""

    code: str
    severity: str
    title: str


CODES = {
    code: Code(code, severity, title)
    for code, severity, title in (
        ("HG001", ERROR, "A file cannot be read as YAML"),
        ("HG002", ERROR, "A pipeline's uuid is not its folder's name"),
        ("HG003", ERROR, "A pipeline's type, executor or framework is not one that Mage has"),
        ("HG004", ERROR, "A value is missing or of the wrong kind"),
        ("HG005", ERROR, "Two blocks of a pipeline have one uuid"),
        ("HG006", ERROR, "A reference names a block that does not exist"),
        ("HG007", ERROR, "A reference is written on one side only"),
        ("HG008", ERROR, "Blocks wait for each other in a cycle"),
        ("HG009", WARNING, "A key that Mage does not read"),
        ("HG010", ERROR, "A block's type, language, executor, status or colour is not one that Mage has"),
        ("HG011", ERROR, "A block has no file where Mage looks for it"),
        ("HG012", ERROR, "A Python block does not hold exactly one function under its type's decorator"),
        ("HG013", ERROR, "A block's function does not fit what Mage calls it with"),
        ("HG014", WARNING, "What a dbt block builds is never tested"),
        ("HG015", ERROR, "A misspelt key, or one at which Mage drops the whole entry"),
        ("HG016", ERROR, "A block stands in a list that is not for its type"),
        ("HG017", WARNING, "A block file that no pipeline uses"),
        ("HG018", WARNING, "A block works while it is imported"),
        ("HG019", WARNING, "A sensor may wait for ever"),
        ("HG020", ERROR, "A trigger lacks what Mage needs"),
        ("HG021", ERROR, "A trigger has a value that Mage does not know"),
        ("HG022", ERROR, "A trigger's interval never fires"),
        ("HG023", ERROR, "A trigger's time is not a time"),
        ("HG024", ERROR, "Two triggers of a pipeline have one name"),
        ("HG025", WARNING, "A trigger names another pipeline"),
        ("HG026", WARNING, "Mage will rewrite the trigger file"),
        ("HG027", ERROR, "A key stands twice in one mapping"),
        ("HG028", ERROR, "A decorator is imported over the one that Mage injects"),
        ("HG029", ERROR, "A decorator's argument is not one that Mage has"),
        ("HG030", ERROR, "A dbt block finds no dbt project"),
        ("HG031", ERROR, "A dbt project's profile does not exist"),
        ("HG032", ERROR, "A dbt block's target does not exist"),
        ("HG033", ERROR, "A dbt block selects nothing"),
        ("HG034", WARNING, "Data passes from a block into dbt as a CSV file"),
        ("HG035", WARNING, "A dbt model is pulled into memory for the next block"),
        ("HG036", ERROR, "A dbt command that dbt does not have"),
        ("HG040", ERROR, "A streaming pipeline does not have exactly one source"),
        ("HG041", ERROR, "A streaming pipeline does not end in sinks"),
        ("HG042", ERROR, "A streaming block does not have exactly one upstream block"),
        ("HG043", ERROR, "A connector that Mage does not have"),
        ("HG044", ERROR, "A block that a streaming pipeline never runs"),
        ("HG050", ERROR, "A literal that looks like a secret"),
        ("HG060", ERROR, "A global data product refers to what does not exist"),
        ("HG061", ERROR, "A project-wide value is not one that Mage has"),
        ("HG070", ERROR, "A path from a loader to an exporter passes no gate"),
        ("HG071", ERROR, "A block is longer than the project allows"),
        ("HG072", ERROR, "A dbt block is not named after its selector"),
    )
}
