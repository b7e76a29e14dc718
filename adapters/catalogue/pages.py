"""The page of an adapter in docs/adapters, from the adapter itself."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from catalogue.markdown import block, code, plain, table
from gpucore.cli.adapter_page import bounds, gpu_facts
from gpucore.config.adaptertoml import toml_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalogue.evidence import Evidence
    from gpucore.standard import Adapter, Example, Failure, Output, Param

__all__ = ["WRITTEN", "adapter_text"]

WRITTEN = "<!-- Written by `python -m catalogue` from the adapter itself: change that. -->"

_WIDTH = 100
_CHECKS = {"file": "there, not empty", "mrc": "a whole MRC file", "movie": "a whole movie",
           "directory": "a folder", "any": "not looked at"}  # fmt: skip


def adapter_text(adapter: Adapter, evidence: Evidence) -> str:
    """Return the text of an adapter's page."""
    parts = [
        [f"# {adapter.name}", "", WRITTEN, "", f"{plain(adapter.title)}."],
        table(("", ""), _facts(adapter, evidence)),
        ["## GPU", "", *table(("", ""), _gpu(adapter))],
        ["## Parameters", "", *_params(adapter)] if adapter.params else [],
        ["## Outputs", "", *_outputs(adapter)],
        ["## Failures", "", *_failures(adapter)],
        ["## Examples", "", *_examples(adapter)] if adapter.example else [],
        ["## Where this is from", "", *_sources(adapter)],
    ]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _facts(adapter: Adapter, evidence: Evidence) -> Iterator[tuple[str, str]]:
    level = evidence.level(adapter.name)
    facts = (
        ("program", code(adapter.program.executable)),
        ("family", plain(adapter.family)),
        ("homepage", plain(adapter.homepage)),
        ("get it", plain(adapter.program.install)),
        ("licence", plain(adapter.licence)),
        ("runs over", code(adapter.item) if adapter.item else "nothing: it is a single step"),
        (
            "proved",
            f"[{level}](../howto/prove-an-adapter.md#levels): {evidence.told(adapter.name)}",
        ),
    )
    yield from (fact for fact in facts if fact[1])


def _gpu(adapter: Adapter) -> Iterator[tuple[str, str]]:
    yield "use", adapter.gpu.use.value
    if adapter.gpu.use.allows_gpu:
        yield from ((key, plain(fact)) for key, fact in gpu_facts(adapter.gpu) if fact)


def _params(adapter: Adapter) -> Iterator[str]:
    rows = (
        (code(name), _kind(param), _given(name, param, adapter), plain(param.help))
        for name, param in adapter.params.items()
    )
    yield from table(("parameter", "type", "default", "what it is"), rows)


def _kind(param: Param) -> str:
    parts = [param.type if param.length is None else f"list of {param.type}"]
    parts += [plain(param.unit)] if param.unit else []
    parts += [plain(one) for one in bounds(param)]
    parts += [", ".join(map(code, param.choices))] if param.choices else []
    return ", ".join(parts)


def _given(name: str, param: Param, adapter: Adapter) -> str:
    if name == adapter.item:
        return "the item"
    if param.output:
        return f"output, {code(param.output)}"
    if param.default is not None:
        return code(toml_line("x", param.default).removeprefix("x = ").replace("\n", " "))
    return "required" if param.required else ""


def _outputs(adapter: Adapter) -> Iterator[str]:
    named = {one.name for one in adapter.output}
    rows = [
        (code(name), code(adapter.params[name].output), _CHECKS[adapter.params[name].check], "")
        for name in adapter.output_params
        if name not in named
    ]
    for one in adapter.output:
        param = adapter.params.get(one.name)
        path = one.path or (param.output if param else "") or one.made
        check = _CHECKS[one.check] + (f", a line fits {code(one.match)}" if one.match else "")
        rows.append((code(one.name), code(path), check, ", ".join(_when(one))))
    if rows:
        yield from table(("output", "file", "must be", "when"), rows)
    else:
        yield "None that is checked."
    if adapter.success_match:
        yield from ("", f"The program is done when a line that it prints fits "
                        f"{code(adapter.success_match)}.")  # fmt: skip


def _when(one: Output) -> Iterator[str]:
    """Yield when an output is made, in words."""
    tests = [f"ends in {code(end)}" for end in one.suffix]
    tests += [f"is {code(str(value))}" for value in one.equals]
    tests += [] if one.at_least is None else [f"is {one.at_least:g} or more"]
    test = f" {' or '.join(tests)}" if tests else ""
    yield from (f"{code(name)}{test}" for name in one.all_when)
    yield from (f"not {code(name)}{test}" for name in one.all_unless)
    for name, values in one.where.items():
        yield f"{code(name)} is {' or '.join(code(str(value)) for value in values)}"
    if one.optional:
        yield "the program may leave it out"


def _failures(adapter: Adapter) -> Iterator[str]:
    codes = " or ".join(map(str, adapter.success_codes))
    yield f"It may have succeeded with exit code {codes}."
    if adapter.failure:
        yield ""
        rows = ((_sign(one), _meaning(one), plain(one.hint)) for one in adapter.failure)
        yield from table(("what shows it", "what it means", "what to do"), rows)


def _sign(failure: Failure) -> str:
    parts = [f"exit code {', '.join(map(str, failure.codes))}"] if failure.codes else []
    where = f"in {code(failure.file)}" if failure.file else ""
    if failure.match:
        parts.append(f"{code(failure.match)} {where}".strip())
    elif failure.file:
        parts.append(f"the file {code(failure.file)}")
    return ", ".join(parts)


def _meaning(failure: Failure) -> str:
    effects = {"explain": "", "fail": ": the step failed, whatever else", "warn": ": a warning"}
    return failure.class_.value.replace("_", " ") + effects[failure.effect]


def _examples(adapter: Adapter) -> Iterator[str]:
    yield "As a step of a job file, and the command that comes out."
    for example in adapter.example:
        yield ""
        yield from block("toml", _step(adapter, example))
        yield ""
        yield from block("text", _command(example))
        if example.stdin:
            yield from ("", "On its standard input:", "", *block("text", example.stdin))
        for name, text in (example.files or {}).items():
            yield from ("", f"In {code(name)}:", "", *block("text", text))


def _step(adapter: Adapter, example: Example) -> str:
    lines = []
    if example.gpus:
        lines += ["[run]", toml_line("gpus", " ".join(map(str, example.gpus))), ""]
    lines += ["[[step]]", toml_line("name", adapter.name), toml_line("adapter", adapter.name)]
    used = min(len(example.gpus), adapter.gpu.max or len(example.gpus))
    if used > 1:
        lines.append(toml_line("gpus", used))
    if not example.gpus and adapter.gpu.use.allows_gpu:
        lines.append("use_gpu = false")
    if example.params:
        lines += ["", "[step.params]"]
        lines += [toml_line(name, value) for name, value in example.params.items()]
    return "\n".join(lines)


def _command(example: Example) -> str:
    """Return the command line, broken before options where it is long."""
    words = [f"{name}={shlex.quote(text)}" for name, text in (example.env or {}).items()]
    words += [shlex.quote(word) for word in example.argv]
    lines = [""]
    for word in words:
        long = len(lines[-1]) + len(word) > _WIDTH
        if lines[-1].strip() and long and (word.startswith("-") or len(lines[-1]) > _WIDTH):
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)


def _sources(adapter: Adapter) -> Iterator[str]:
    if adapter.source:
        yield f"Facts: {plain(adapter.source)}."
    if adapter.citation:
        yield from ("", f"To be cited: {plain(adapter.citation)}.")
    if adapter.unverified:
        yield from ("", "Not verified:", "", *(f"- {plain(one)}" for one in adapter.unverified))
