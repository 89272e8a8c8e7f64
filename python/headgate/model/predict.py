"""`headgate-predict FOLDER < rows.jsonl > scores.jsonl`: predicts with a packed model, without any server.

A line of JSON for each row, an object with a value for each input; a line for each score, in the same order.
Part of what a bundle installs: imports nothing but the modules of `model.bundle.runtime`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from headgate.errors import HeadgateError, UsageError
from headgate.model.flavours import load
from headgate.model.output import output
from headgate.model.package import read
from headgate.model.signature import INTEGERS, NUMBERS, TEXTS, Input


def main() -> None:
    """Answers standard input on standard output; exit code 2 at the first line that is no row."""
    arguments = _arguments()
    try:
        package = read(arguments.model)
        predictor = load(package)
        try:
            for values in _rows(package.signature.inputs):
                value = predictor.predict_one(values)
                answer = output(package.task, package.options, value).told()
                if arguments.explain:
                    answer["contributions"] = predictor.contributions(values)
                sys.stdout.write(json.dumps(answer) + "\n")
        finally:
            predictor.close()
    except HeadgateError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="headgate-predict", description="Predict with a packed model.")
    parser.add_argument("model", type=Path, help="the bundle's folder `model`")
    parser.add_argument("--explain", action="store_true", help="add what each input contributes")
    return parser.parse_args()


def _rows(inputs: tuple[Input, ...]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(sys.stdin, start=1):
        subject = f"line {number}"
        try:
            values = json.loads(line, parse_constant=_refuse)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise _unfit(subject, "a JSON object with a value for each input", "something else")
        _require(subject, inputs, values)
        yield values


def _require(subject: str, inputs: tuple[Input, ...], values: Mapping[str, Any]) -> None:
    """Refuses a row with other inputs than the signature's, or a value of another type; tells no value."""
    unknown = sorted(values.keys() - {given.name for given in inputs})
    if unknown:
        raise _unfit(f"{subject}, {unknown[0]}", "inputs of the model's signature only", "no such input")
    for given in inputs:
        at = f"{subject}, input {given.name}"
        expected = f"{given.type}{' or null' if given.nullable else ''}"
        if given.name not in values:
            raise _unfit(at, expected, "no value")
        value = values[given.name]
        if not (given.nullable if value is None else _fits(given, value)):
            raise _unfit(at, expected, "null" if value is None else f"another type, {type(value).__name__}")


def _fits(given: Input, value: Any) -> bool:
    if given.type in NUMBERS:
        whole = isinstance(value, int) or (given.type not in INTEGERS and isinstance(value, float))
        return whole and not isinstance(value, bool)
    return isinstance(value, str if given.type in TEXTS else bool)


def _refuse(_constant: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise ValueError


def _unfit(subject: str, expected: str, found: str) -> UsageError:
    return UsageError(
        subject,
        expected=expected,
        found=found,
        next_step="correct the row; model/manifest.json has the signature",
    )


if __name__ == "__main__":
    main()
