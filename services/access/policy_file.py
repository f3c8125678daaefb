"""Reads the policy file: YAML of the plainest kind, every problem told in a sentence with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

LARGEST_BYTES = 1024 * 1024
DEEPEST = 12

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL_TAG = "tag:yaml.org,2002:null"
_BOOL_TAG = "tag:yaml.org,2002:bool"
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "timestamp", "str"))
_NUMBER_TAGS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class _Mark(Protocol):
    @property
    def line(self) -> int: ...


Path_ = tuple[str | int, ...]
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
M = TypeVar("M", bound=BaseModel)


class PolicyError(Exception):
    """The policy cannot be used. sentences: one for each problem, in the order of the file."""

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(slots=True)
class _Reading:
    """lines: 1-based line of each key or item by its path. problems: (line, sentence)."""

    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)


def read_policy_file(path: Path, model: type[M]) -> M:
    """The checked content. Raises PolicyError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PolicyError((f"{path} cannot be read ({error.strerror}); correct POLICY_FILE.",)) from None
    if len(content) > LARGEST_BYTES:
        raise PolicyError((f"{path} is larger than {LARGEST_BYTES // 1024} KiB; fewer rules with patterns do.",))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError((f"Line {line} is not UTF-8 text; save the file as UTF-8.",)) from None
    return read_policy_text(text, model)


def read_policy_text(text: str, model: type[M]) -> M:
    """The checked content of a file. Raises PolicyError."""
    reading = _Reading()
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError((f"Line {_line(mark)}: this is not YAML ({error.problem}); correct it.",)) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow; it names the place, not the line
        raise PolicyError((f"The file is not YAML ({' '.join(str(error).split())}); correct it.",)) from None
    if not isinstance(node, yaml.MappingNode):
        raise PolicyError(("Line 1: the file holds no policy; begin it with version: 1.",))
    content = _plain(node, (), reading)
    _same_ids(content, reading)
    value: M | None = None
    try:
        value = model.model_validate(content)
    except ValidationError as error:
        reading.problems.extend(_problems(error, content, reading, model))
    if value is None or reading.problems:
        ordered = sorted(dict.fromkeys(reading.problems), key=lambda problem: problem[0])
        raise PolicyError(tuple(f"Line {line}{sentence}" for line, sentence in ordered))
    return value


def _check_events(text: str) -> None:
    """Before anything is built: no aliases (they can blow a small file up) and no bottomless nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise PolicyError((f"Line {line}: & and * (anchors and aliases) are not read; write it out, or quote it.",))
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > DEEPEST:
                raise PolicyError((f"Line {line}: this is nested too deeply for a policy; take out brackets.",))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1


def _line(mark: _Mark | None) -> int:
    """1-based."""
    return 1 if mark is None else mark.line + 1


def _plain(node: yaml.Node, path: Path_, reading: _Reading) -> Plain:
    reading.lines.setdefault(path, _line(node.start_mark))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, reading)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, number), reading) for number, item in enumerate(node.value)]
    return _scalar(str(node.tag), str(node.value), path, reading)


def _mapping(node: yaml.MappingNode, path: Path_, reading: _Reading) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for key_node, value_node in node.value:
        line = _line(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            reading.problems.append((line, f"{_where(path)}: a key is no word; write a name and a colon."))
            continue
        key = str(key_node.value)
        if key in found:
            first = reading.lines[(*path, key)]
            sentence = f"{_where(path)}: “{key}” stands in line {first} already; keep one of them."
            reading.problems.append((line, sentence))
            continue
        reading.lines[(*path, key)] = line
        found[key] = _plain(value_node, (*path, key), reading)
    return found


def _scalar(tag: str, text: str, path: Path_, reading: _Reading) -> Plain:
    if tag not in _PLAIN_TAGS:
        sentence = f"{_where(path)}: tags such as {tag} are not read; take it out."
        reading.problems.append((reading.lines[path], sentence))
        return text
    if tag == _NULL_TAG:
        sentence = f"{_where(path)}: nothing is written there; write a value, or take the key out."
        reading.problems.append((reading.lines[path], sentence))
        return None
    if tag == _BOOL_TAG:
        return text.lower() in {"true", "yes", "on"}
    return _number(text) if tag in _NUMBER_TAGS else text


def _number(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text  # 0x1F, 1:30 and the like: as they are written


def _same_ids(content: Plain, reading: _Reading) -> None:
    rules = content.get("rules") if isinstance(content, dict) else None
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        name = rule.get("id") if isinstance(rule, dict) else None
        if not isinstance(name, str):
            continue
        line = reading.lines[("rules", number, "id")]
        if name in seen:
            sentence = f", rule “{name}”, id: line {seen[name]} has a rule of this id already; write another."
            reading.problems.append((line, sentence))
        seen.setdefault(name, line)


def _problems(
    error: ValidationError, content: Plain, reading: _Reading, model: type[BaseModel]
) -> Iterator[tuple[int, str]]:
    for details in error.errors(include_url=False, include_input=True):
        if details["type"] == "same_id" or (details["type"] != "missing" and details.get("input") is None):
            continue  # told with its lines already
        path = _known_path(details["loc"], reading)
        yield reading.lines[path], f"{_where(details['loc'], content)}: {_sentence(details, model)}"


def _known_path(location: Path_, reading: _Reading) -> Path_:
    """The place, or the nearest around it that the file has."""
    for length in range(len(location), -1, -1):
        if location[:length] in reading.lines:
            return location[:length]
    return ()


def _where(location: Path_, content: Plain = None) -> str:
    """`, rule “finance”, escalate after`, to follow the line's number."""
    said = ""
    rest = list(location)
    if len(rest) >= 2 and rest[0] == "rules" and isinstance(rest[1], int):
        rules = content.get("rules") if isinstance(content, dict) else None
        rule = rules[rest[1]] if isinstance(rules, list) and rest[1] < len(rules) else None
        name = rule.get("id") if isinstance(rule, dict) else None
        said = f", rule “{name}”" if isinstance(name, str) and name else f", rule number {rest[1] + 1}"
        rest = rest[2:]
    words = [f"number {part + 1}" if isinstance(part, int) else part for part in rest if _is_of_the_file(part)]
    return f"{said}, {' '.join(words)}" if words else said


def _is_of_the_file(part: str | int) -> bool:
    """pydantic names the branches of a union too, such as `tuple[nullable[…]]` or `function-before[…]`."""
    return isinstance(part, int) or "[" not in part


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:  # noqa: PLR0911, PLR0912  # one for each kind
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    match kind:
        case "policy":
            return f"{details['msg']}."
        case "missing":
            return f"it is missing; write {details['loc'][-1]}."
        case "extra_forbidden":
            return _unknown_key(str(details["loc"][-1]), details["loc"], model)
        case "bool_type" | "bool_parsing":
            return f"{_shown(value)} is neither; write true or false."
        case "literal_error" | "enum":
            return f"{_shown(value)} is not known; write {str(context.get('expected', '')).replace(chr(39), '')}."
        case "string_type":
            return f"{_shown(value)} is no text; write it in quotes."
        case "int_type" | "int_parsing" | "int_from_float" | "float_type" | "float_parsing":
            return f"{_shown(value)} is no number; write one such as 2."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{_shown(value)} stands where keys are expected; write name: value lines under it."
        case "tuple_type" | "list_type":
            return f"{_shown(value)} is no list; write it in brackets, or in lines that begin with a dash."
        case "too_short" | "string_too_short":
            return "it is empty; write at least one, or take the key out."
        case "too_long" | "string_too_long":
            return f"it is too long; at most {context.get('max_length')} are read."
        case "greater_than_equal":
            return f"{_shown(value)} is too small; write at least {context.get('ge')}."
        case "less_than_equal":
            return f"{_shown(value)} is too large; write at most {context.get('le')}."
    return f"{details['msg']}; see docs/policy.example.yml."


def _unknown_key(key: str, location: Path_, model: type[BaseModel]) -> str:
    known = _keys_at(location[:-1], model)
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"there is no such key; write {near[0]}."
    return f"there is no such key; write one of {', '.join(known)}, or take it out."


def _keys_at(location: Path_, model: type[BaseModel]) -> list[str]:
    for part in location:
        fields = {item.alias or name: item for name, item in model.model_fields.items()}
        if part in fields:
            model = next(_models_in(fields[str(part)].annotation), model)
    return [item.alias or name for name, item in model.model_fields.items()]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"“{text}”" if len(text) <= 60 else f"“{text[:59]}…”"
