"""The part of an adapter that is the same for every command: the program and how it takes GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from gpucore.standard.use import GpuUse

__all__ = ["STRICT", "Gpu", "GpuForm", "GpuIds", "Program", "Sharing", "Version"]

GpuForm: TypeAlias = Literal["space", "comma", "colon", "repeat", "json", "count", "none"]
GpuIds: TypeAlias = Literal["host", "visible", "uuid"]
Sharing: TypeAlias = Literal["fine", "discouraged", "forbidden"]

STRICT = {"extra": "forbid", "strict": True}
"""How TOML is checked against these values: unknown keys and wrong types are faults."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """How a program is asked for its version.

    Parameters
    ----------
    args : tuple of str
        What follows the executable.
    regex : str
        Its first group is the version in what the program prints.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    args: tuple[str, ...]
    regex: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program that an adapter runs.

    Parameters
    ----------
    executable : str
        Its name or path; a site overrides it in ``gpucore.toml``.
    version : Version or None
        None when it cannot be asked.
    install : str
        Where to get it, one line.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    executable: str
    version: Version | None = None
    install: str = ""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """Whether and how the program is told of its GPUs; see the standard's table of forms.

    Parameters
    ----------
    use : GpuUse
        None, optional or compulsory.
    form : str
        How several ids are written: ``space`` (several arguments), ``comma``, ``colon`` (between
        MPI ranks, commas within one), ``repeat`` (the group that holds the mark, once for each),
        ``json``, ``count``, ``none`` (by the environment alone).
    ids : str
        ``host``: the machine's index; ``visible``: 0..k-1 under a ``CUDA_VISIBLE_DEVICES`` that
        holds just the step's GPUs; ``uuid``.
    base : int
        Where the program counts from, 0 or 1.
    prefix : str
        Text before each id.
    max : int or None
        GPUs that one process can use; a step whose slot holds more uses the first ones.
    sharing : str
        How it bears another program on its GPU: ``fine``, ``discouraged`` or ``forbidden``.
    isolation : bool
        Whether it bears a ``CUDA_VISIBLE_DEVICES`` that hides the other GPUs.
    ranks : str
        The parameter that holds the number of MPI ranks, for ``form = "colon"``.
    leader : bool
        Whether rank 0 only leads and takes no GPU.
    sees_one : bool
        Whether it fails when it sees more than one GPU: it then always gets a
        ``CUDA_VISIBLE_DEVICES`` of one, whatever the site says; wants ``max = 1``.
    overwrites_mask : bool
        Whether it sets ``CUDA_VISIBLE_DEVICES`` itself, to the numbers that it is told: it gets
        the machine's numbers and never a mask of ours, whatever the site says.
    memory : int or None
        MiB that it needs on each GPU, where that is documented.
    memory_note : str
        What the memory depends on, one line.
    memory_params : tuple of str
        The parameters that it depends on, by which steps are compared when gpucore learns it.
        Empty: every number, switch and choice, and the size of the item.
    changes_result : str
        How its result depends on the number of its GPUs, one line; said before the run of a step
        that gets more than one.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    use: GpuUse = GpuUse.NONE
    form: GpuForm = "none"
    ids: GpuIds = "host"
    base: Literal[0, 1] = 0
    prefix: str = ""
    max: int | None = None
    sharing: Sharing = "fine"
    isolation: bool = True
    ranks: str = ""
    leader: bool = False
    sees_one: bool = False
    overwrites_mask: bool = False
    memory: int | None = None
    memory_note: str = ""
    memory_params: tuple[str, ...] = ()
    changes_result: str = ""
