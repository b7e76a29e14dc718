"""What plugins offer of one kind, by name; nothing is put there before all of it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gpucore.errors import GpucoreError, PluginError

if TYPE_CHECKING:
    from gpucore.plugins.records import Provider

__all__ = ["Offer", "Shelf", "Staged", "faulty", "objects"]

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_MOST = 10_000


class Offer(Protocol):
    """What a hook returns: a value with a name and a title."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def title(self) -> str:
        """What it is, one line."""


OfferT = TypeVar("OfferT", bound=Offer)
KindT = TypeVar("KindT")


class Shelf(Generic[OfferT]):
    """All that is offered of one kind.

    Parameters
    ----------
    word : str
        What messages call it.
    kinds : Mapping
        The hooks by which it is offered, each with what its answer must consist of.
    faults : callable
        Returns what is wrong with one of them, beside its name.
    """

    def __init__(
        self,
        word: str,
        kinds: Mapping[str, type[OfferT]],
        faults: Callable[[OfferT], Sequence[GpucoreError]],
    ) -> None:
        self.word = word
        self.kinds = kinds
        self.items: dict[str, OfferT] = {}
        self.providers: dict[str, Provider] = {}
        self._faults = faults

    def stage(self, provider: Provider, unwanted: Collection[str] = ()) -> Staged[OfferT]:
        """Return a place for what one plugin offers, until all of the plugin is checked.

        Parameters
        ----------
        provider : Provider
            Whose it is.
        unwanted : Collection of str
            Names that are left out, and not even checked.
        """
        return Staged(self, provider, unwanted)

    def check(self, offer: OfferT) -> None:
        """Prove an offer, beside its name.

        Raises
        ------
        PluginError
            With all that is wrong with it.
        """
        faults = self._faults(offer)
        if faults:
            raise faulty(faults, f"the {self.word} `{offer.name}` is wrong")


def faulty(faults: Sequence[GpucoreError], what: str) -> PluginError:
    """Return one error with all that is wrong with an offer."""
    return PluginError(
        f"{what}: " + "; ".join(": ".join(filter(None, (one.where, one.what))) for one in faults),
        hint="; ".join(dict.fromkeys(one.hint for one in faults if one.hint)),
        code="E454",
    )


def objects(hook: str, kind: type[KindT], answer: object) -> Iterator[KindT]:
    """Yield what a hook returned, one by one; the plugin's own code may run meanwhile.

    Raises
    ------
    PluginError
        When it is not iterable, has no end, or holds something else.
    """
    wanted = f"return a list of {kind.__name__}"
    if isinstance(answer, kind):
        raise PluginError(
            f"{hook} returned one {kind.__name__}, not a list of them", hint=wanted, code="E454"
        )
    if not isinstance(answer, Iterable):
        raise PluginError(f"{hook} returned {_type(answer)}", hint=wanted, code="E454")
    for place, item in enumerate(islice(answer, _MOST + 1)):
        if place == _MOST:
            raise PluginError(
                f"{hook} returned more than {_MOST} objects", hint=wanted, code="E454"
            )
        if not isinstance(item, kind):
            raise PluginError(
                f"{hook} returned {_type(item)} at place {place}", hint=wanted, code="E454"
            )
        yield item


class Staged(Generic[OfferT]):
    """What one plugin offers of one kind, checked and not yet in use."""

    def __init__(
        self, shelf: Shelf[OfferT], provider: Provider, unwanted: Collection[str] = ()
    ) -> None:
        #: Names of what was left out.
        self.left_out: list[str] = []
        self._shelf = shelf
        self._provider = provider
        self._unwanted = unwanted
        self._items: dict[str, OfferT] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is staged, in the plugin's order."""
        return tuple(self._items)

    def take(self, hook: str, answer: object) -> None:
        """Check a hook's answer and keep it.

        Raises
        ------
        PluginError
            When the answer is of a wrong type, repeats a name or contradicts itself.
        """
        for offer in objects(hook, self._shelf.kinds[hook], answer):
            self.put(offer)

    def put(self, offer: OfferT) -> None:
        """Check one offer and keep it; a faulty one too, so that its name can be told."""
        shelf, word, name = self._shelf, self._shelf.word, offer.name
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(
                f"{name!r} is no name of {'an' if word[0] in 'ae' else 'a'} {word}",
                hint="lower-case letters, digits, `_` and `-`, a letter first",
                code="E454",
            )
        if name in self._unwanted:
            self.left_out.append(name)
            return
        if name in self._items:
            raise PluginError(
                f"the {word} `{name}` is offered twice by {self._provider}",
                hint="rename one of them",
                code="E455",
            )
        if name in shelf.items:
            raise PluginError(
                f"the {word} `{name}` is offered by {shelf.providers[name]} already, and again by "
                f"{self._provider}",
                hint="rename one of them, or disable one of the plugins",
                code="E455",
            )
        self._items[name] = offer
        shelf.check(offer)

    def commit(self) -> None:
        """Put everything into use."""
        self._shelf.items.update(self._items)
        self._shelf.providers.update(dict.fromkeys(self._items, self._provider))


def _type(value: object) -> str:
    return "None" if value is None else f"`{type(value).__name__}`"
