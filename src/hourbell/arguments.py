"""Named arguments of a function: plain JSON outside, the types of its own signature inside."""

from __future__ import annotations

import functools
import inspect
import json
import math
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NotRequired, Union, get_args, get_origin, get_type_hints

from hourbell.context import Context
from hourbell.errors import InvalidArguments, Misfit
from hourbell.model.stored_json import mapping_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import TypeAdapter

ARGS_MAX = 256 * 1024
_MASK = '"**********"'
"""What pydantic writes in the place of a secret, whatever the secret is."""
_ROUTE_MARKS = frozenset({("fastapi.params", "Depends"), ("fastapi.params", "Security")})
_ENCODER = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False)
"""As `hourbell.store.scripts.script.to_json` has it."""
_HARMLESS = frozenset((str, int, bool, type(None)))
_REFUSED_KINDS: Mapping[Any, str] = {
    inspect.Parameter.POSITIONAL_ONLY: "positional-only, and arguments are stored by name: remove the /",
    inspect.Parameter.VAR_POSITIONAL: "of any number, and arguments are stored by name: take a list instead",
    inspect.Parameter.VAR_KEYWORD: "of any name, and what is stored must be checked by name: take a dict instead",
}


class Asked(NamedTuple):
    """Arguments of a request: by name, checked and as JSON; and the text of it that is stored."""

    named: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of the function once its annotations could be read."""

    contexts: tuple[str, ...]
    required: frozenset[str]
    types: dict[str, Any]
    plain: inspect.Signature
    """How it is called by who gives no context."""


class Arguments:
    """What one function takes. Annotations are read at first use, since they may name what is defined below it.

    Raises InvalidArguments at once for parameters that no stored arguments could fill.
    """

    def __init__(self, function: Callable[..., Any], label: str) -> None:
        self.label = label
        self._function = function
        self._signature = inspect.signature(function)
        for parameter in self._signature.parameters.values():
            reason = _REFUSED_KINDS.get(parameter.kind)
            if reason:
                raise InvalidArguments(f"task {label}: the parameter {parameter} is {reason}")

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as one calls the function, by name and as JSON. A value for a Context parameter is not taken."""
        return self.asked(args, kwargs).named

    def asked(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Asked:
        """The same, and the text that is stored of them."""
        shape = self._shape
        if not args and shape.required <= kwargs.keys() <= shape.types.keys():
            return self._dumped(kwargs)  # named as they are stored
        try:
            bound = shape.plain.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidArguments(f"task {self.label}: {error}") from None
        return self._dumped(bound.arguments)

    def dump(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """Check named arguments and turn them into JSON that `load` will understand after any restart.

        They are values of the parameters' types, or the JSON of those, as it comes over a wire or out of a store.
        Raises InvalidArguments naming the argument; also when they are longer than 256 kB as JSON.
        """
        self.refuse_unnamed(named)
        return self._dumped(named).named

    def _dumped(self, named: Mapping[str, Any]) -> Asked:
        shape = self._shape
        if not named and not shape.required:
            return Asked({}, "{}")
        values = self._checked(self._from_either, named)
        plain, text = self._as_json(values)
        if len(text) > ARGS_MAX:
            raise InvalidArguments(
                f"task {self.label}: the arguments take {len(text):,} bytes of JSON and at most {ARGS_MAX:,} are kept: "
                "store the data elsewhere and pass its id"
            )
        understood = self._checked(self._from_text, text)
        if _MASK in text and understood != values:
            raise InvalidArguments(
                f"task {self.label}: an argument is a secret, of which only stars would be stored, and the body "
                "would get those: pass an id, and read the secret inside"
            )
        return Asked(plain, text)

    def refuse_unnamed(self, named: object) -> None:
        """Raises InvalidArguments for what names no arguments: a list of values, or JSON text."""
        if not isinstance(named, Mapping):
            raise InvalidArguments(
                f"task {self.label}: args={named!r:.100}: give the arguments by their names, as in {{'name': value}}"
            )

    def load(self, named: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Stored arguments as the function takes them, the context included. Raises InvalidArguments."""
        shape = self._shape
        values: dict[str, Any] = {}
        if named or shape.required:
            values = self._checked(self._read, named)
        for name in shape.contexts:
            values[name] = context
        return values

    def load_text(self, text: str, context: Context) -> dict[str, Any]:
        """`load` for arguments as they are stored: what fits is read once, and by what is quickest at it."""
        shape = self._shape
        if text == "{}" and not shape.required:
            return dict.fromkeys(shape.contexts, context)
        try:
            values: dict[str, Any] = self._from_text(text)
        except ValueError:
            return self.load(mapping_from(text), context)  # which says what is wrong, or understands it after all
        for name in shape.contexts:
            values[name] = context
        return values

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments object."""
        return self._adapter.json_schema()

    def check(self) -> None:
        """Read the annotations now. Raises InvalidArguments when they name what cannot be found."""
        _ = self._shape

    def warm(self) -> None:
        """Make now what checks the arguments, which takes longest the first time. Raises as `load` would."""
        if self._shape.types:
            _ = self._adapter

    @functools.cached_property
    def _shape(self) -> _Shape:
        hints = self._hints()
        contexts, fields, required = [], {}, set()
        for name, parameter in self._signature.parameters.items():
            hint = hints.get(name, Any)
            if _is_context(hint):
                contexts.append(name)
                continue
            if _is_filled_by_routes(hint, parameter.default):
                raise InvalidArguments(
                    f"task {self.label}: the parameter {name!r} is FastAPI's to fill in (Depends), and a run has no "
                    "request: take plain arguments, and make or open the rest inside the body",
                    at=name,
                )
            fields[name] = hint
            if parameter.default is parameter.empty:
                required.add(name)
        plain = self._signature.replace(parameters=[self._signature.parameters[name] for name in fields])
        return _Shape(tuple(contexts), frozenset(required), fields, plain)

    def _hints(self) -> dict[str, Any]:
        function = _annotated(self._function)
        # Context is often imported for type checkers only; everything else must be there to make values of it.
        known = {"Context": Context, **function.__globals__}
        try:
            return get_type_hints(_parameters_only(function), globalns=known, include_extras=True)
        except NameError as error:
            raise InvalidArguments(
                f"task {self.label}: an annotation names {error.name!r}, which cannot be found when the program runs: "
                "define it at the top of the module, and import it outside of `if TYPE_CHECKING`"
            ) from None
        except (TypeError, SyntaxError, AttributeError) as error:
            raise InvalidArguments(f"task {self.label}: its annotations cannot be read: {error}") from None

    @functools.cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter, with_config
        from typing_extensions import TypedDict

        given = self._shape.types.items()
        members = {name: hint if name in self._shape.required else NotRequired[hint] for name, hint in given}
        shape: Any = TypedDict("Arguments", members)  # type: ignore[misc]
        try:
            # "constants" keeps NaN and infinity in models visible until JSON refuses them, instead of storing null.
            config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")
            return TypeAdapter(with_config(config)(shape))
        except PydanticUserError as error:
            raise InvalidArguments(
                f"task {self.label}: an argument's type cannot be made from JSON: {error.message.splitlines()[0]} "
                "Take an id or plain data instead, and get the object inside"
            ) from None

    @functools.cached_property
    def _from_text(self) -> Callable[[str | bytes], dict[str, Any]]:
        # JSON mode, so that strict types accept what JSON has no type for; by name too, for so they were dumped.
        return functools.partial(self._adapter.validator.validate_json, by_alias=True, by_name=True)

    @functools.cached_property
    def _from_values(self) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return functools.partial(self._adapter.validator.validate_python, by_alias=True, by_name=True)

    @functools.cached_property
    def _to_plain(self) -> Callable[[Any], dict[str, Any]]:
        return functools.partial(self._adapter.serializer.to_python, mode="json")

    def _read(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """From stored arguments to values."""
        from pydantic_core import PydanticSerializationError, to_json

        try:
            return self._from_text(to_json(named))
        except PydanticSerializationError:  # what no UTF-8 has a form for
            return self._from_text(json.dumps(dict(named)))

    def _from_either(self, named: Mapping[str, Any]) -> Any:
        try:
            return self._from_values(dict(named))
        except ValueError as error:
            from pydantic import ValidationError  # as in `_checked`

            if not isinstance(error, ValidationError):
                raise
            try:
                text = json.dumps(dict(named), allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                text = None
            if text is None:
                raise
            return self._from_text(text)

    def _checked(self, step: Callable[[Any], Any], given: Any) -> Any:
        try:
            return step(given)
        except ValueError as error:
            from pydantic import ValidationError  # which is one; imported here, for this is done for each run

            if not isinstance(error, ValidationError):
                raise
            misfits = _misfits(error)
            raise InvalidArguments(f"task {self.label}: {_told(misfits)}", misfits=misfits) from None

    def _as_json(self, values: Any) -> tuple[dict[str, Any], str]:
        try:
            _refuse_infinite(values)
            plain = self._to_plain(values)
            return plain, _ENCODER.encode(plain)
        except (ValueError, TypeError, RecursionError) as error:  # pydantic's own is one of the first
            raise InvalidArguments(f"task {self.label}: an argument cannot be stored as JSON: {error}") from None


def _parameters_only(function: Any) -> Any:
    """Something annotated like the function but for its return, whose type is often imported for checkers only."""

    def carrier() -> None: ...

    if sys.version_info >= (3, 14):
        import annotationlib

        annotations = annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    else:
        annotations = function.__annotations__
    carrier.__annotations__ = {name: hint for name, hint in annotations.items() if name != "return"}
    return carrier


def _refuse_infinite(value: Any) -> None:
    """pydantic would store null in the place of a NaN or an infinity, silently."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    if isinstance(value, dict | list | tuple | set):
        for part in value.values() if isinstance(value, dict) else value:
            if type(part) not in _HARMLESS:
                _refuse_infinite(part)


def _annotated(function: Any) -> Any:
    """The function that carries the annotations: under wrappers, partials and objects that can be called."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    return function if hasattr(function, "__code__") else inspect.unwrap(type(function).__call__)


def _is_context(hint: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return {part for part in get_args(hint) if part is not types.NoneType} == {Context}
    return hint is Context


def _is_filled_by_routes(hint: Any, default: object) -> bool:
    """Whether a route of FastAPI's would have it from a dependency. A body would get the marker itself."""
    marks = [default, *(get_args(hint)[1:] if get_origin(hint) is Annotated else ())]
    # By name: a task need not load a web framework to know.
    return any((type(mark).__module__, type(mark).__name__) in _ROUTE_MARKS for mark in marks)


def _misfits(error: Any) -> list[Misfit]:
    wording = {"missing": "is missing", "extra_forbidden": "is not an argument of this task"}
    return [
        Misfit(tuple(problem["loc"]), wording.get(problem["type"], f"does not fit: {problem['msg']}"))
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _told(misfits: Iterable[Misfit]) -> str:
    return "; ".join(f"{'.'.join(map(str, place)) or 'arguments'!r} {reason}" for place, reason in misfits)
