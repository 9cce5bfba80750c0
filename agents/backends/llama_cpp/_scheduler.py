"""Evaluates many strands at once, and what they share only once."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.backends.llama_cpp._model import CacheFullError, LoadedModel, Position
from agents.backends.llama_cpp._strand import Strand
from harness.errors import BackendError

__all__ = ["Scheduler"]

_TRUNK = 0
_RESERVE = 64  # tokens kept free per answer under way; room for more is made when it comes


class _Active:
    """A strand that has a sequence."""

    __slots__ = ("done", "own", "path", "sequence", "strand", "tokens")

    def __init__(self, strand: Strand, sequence: int, tokens: NDArray[np.int32]) -> None:
        self.strand = strand
        self.sequence = sequence
        self.tokens = tokens  # at admission
        self.done = 0  # how many of the strand's tokens are in the cache
        self.own = 0  # how many of them were computed for this strand
        self.path: list[Position] = []  # tokens planned at admission, shared ones included


class Scheduler:
    """Continuous batching over one cache, in an order in which neighbours share most.

    Strands are sorted by their tokens, so that those that begin alike are neighbours. Sequence 0,
    the trunk, keeps what the strand admitted last shares with the next one. Since the order is
    that of a walk through the tree of all prompts, no beginning is computed twice, on whatever
    level it is shared. A strand takes over the trunk's tokens without computing; strands admitted
    together share further tokens, each listed under all their sequences. The trunk outlives a
    call, so that the next one finds its prompts' beginning.

    Where the cache is full, the strand admitted last makes room and comes again later.

    Not safe for concurrent calls.
    """

    def __init__(self, model: LoadedModel, *, parallel: int) -> None:
        self._model = model
        self._parallel = min(parallel, model.sequences - 1)
        self._waiting: list[tuple[bytes, int, Strand]] = []
        self._number = itertools.count()
        self._free = deque(range(1, model.sequences))
        self._active: dict[int, _Active] = {}
        self._next: deque[Position] = deque()  # of answers under way
        self._prompts: deque[Position] = deque()  # of strands just admitted
        self._trunk: NDArray[np.int32] = np.zeros(0, dtype=np.int32)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._waiting and not self._active

    @property
    def in_use(self) -> int:
        """How many sequences have a strand."""
        return len(self._active)

    def add(self, strands: Iterable[Strand]) -> None:
        """Puts strands in line."""
        for strand in strands:
            # Big-endian bytes are in the order of the numbers.
            key = np.asarray(strand.tokens, dtype=">u4").tobytes()
            heapq.heappush(self._waiting, (key, next(self._number), strand))

    def drop(self, strands: Iterable[Strand]) -> None:
        """Forgets strands, whether they wait or are under way."""
        gone = {id(strand) for strand in strands}
        self._waiting = [entry for entry in self._waiting if id(entry[2]) not in gone]
        heapq.heapify(self._waiting)
        for active in [a for a in self._active.values() if id(a.strand) in gone]:
            self._retire(active)
        if not self._active:  # what is left was planned for the trunk alone
            self._prompts.clear()
            self._trunk = self._trunk[: self._model.held(_TRUNK)]

    def step(self) -> list[Strand]:
        """Evaluates one batch; returns the strands that it ended, failed ones among them."""
        began = time.perf_counter()
        if not self._prompts:
            self._admit()
        under_way, admitted = self._next_batch()
        batch = [*under_way, *admitted]
        if not batch:
            return []
        try:
            logits = self._model.decode(batch)
        except CacheFullError:
            return self._make_room()
        except BackendError as error:
            return self._fail(error)
        for queue, taken in ((self._next, under_way), (self._prompts, admitted)):
            for _ in taken:
                queue.popleft()
        self._hand_out(batch, logits)
        share = (time.perf_counter() - began) / len(batch)
        for position in batch:
            if position.owner is not None:
                position.owner.strand.seconds += share
        return self._advance(batch)

    def _admit(self) -> None:
        """Gives sequences to as many strands as there is room for, and plans their tokens."""
        writing = sum(active.strand.writes for active in self._active.values())
        room = self._room()
        before, before_base, resident = self._trunk, -1, len(self._trunk)
        last: _Active | None = None
        while self._waiting and self._free:
            strand = self._waiting[0][2]
            if strand.writes and writing >= self._parallel:
                break
            tokens = np.asarray(strand.tokens, dtype=np.int32)
            alike = _alike(before, tokens)
            resident = min(resident, alike)
            base = min(resident, strand.unread)
            # Only sequences of equal length may share a token that is still to come.
            coupled = last if base == before_base else None
            start = max(base, alike) if coupled else base
            cost = len(tokens) - start + _reserve(strand)
            if self._active and cost > room:
                break
            if last is not None and len(self._prompts) >= self._model.batch_size:
                break
            heapq.heappop(self._waiting)
            active = _Active(strand, self._free.popleft(), tokens)
            self._active[active.sequence] = active
            self._model.share(_TRUNK, active.sequence, base)
            self._plan(active, base, start, coupled)
            writing += strand.writes
            room -= cost
            before, before_base, last = tokens, base, active
        if last is not None:
            self._grow_trunk(last, before_base)

    def _plan(self, active: _Active, base: int, start: int, neighbour: _Active | None) -> None:
        strand = active.strand
        unread = strand.unread
        if neighbour is not None:
            active.path = neighbour.path[: start - base]
            for position in active.path:
                position.sequences.append(active.sequence)
                if position.place >= unread:
                    position.readers.append(active)
        for place in range(start, len(active.tokens)):
            readers = [active] if place >= unread else []
            token = int(active.tokens[place])
            position = Position(token, place, [active.sequence], readers, active)
            active.path.append(position)
            self._prompts.append(position)
        active.done = base
        if strand.fresh is None:
            strand.fresh = len(active.tokens) - start

    def _grow_trunk(self, last: _Active, base: int) -> None:
        """Lets the trunk hold what the last admitted strand shares with the next in line."""
        if self._waiting:
            following = np.asarray(self._waiting[0][2].tokens, dtype=np.int32)
        else:
            following = last.tokens[: last.strand.prompt]  # for a next call
        count = _alike(last.tokens, following)
        if count > _alike(self._trunk, last.tokens):
            self._model.keep(_TRUNK, base)
            for position in last.path[: count - base]:
                position.sequences.append(_TRUNK)
        else:
            self._model.keep(_TRUNK, count)
        self._trunk = last.tokens[:count]

    def _next_batch(self) -> tuple[list[Position], list[Position]]:
        """As many tokens as fit into a batch, those of answers under way first."""
        taken: tuple[list[Position], list[Position]] = ([], [])
        size = wanted = 0
        for queue, chosen in zip((self._next, self._prompts), taken, strict=True):
            for position in queue:
                wanted += bool(position.readers)
                size += 1
                if size > self._model.batch_size or wanted > self._model.wanted_size:
                    return taken
                chosen.append(position)
        return taken

    def _hand_out(self, batch: Sequence[Position], logits: NDArray[np.float32]) -> None:
        rows = iter(logits)
        for position in batch:
            if position.owner is not None:
                position.owner.own += 1
            for sequence in position.sequences:
                if sequence != _TRUNK:
                    self._active[sequence].done += 1
            if position.readers:
                row = next(rows)
                for reader in position.readers:
                    reader.strand.read(position.place, row)

    def _advance(self, batch: Sequence[Position]) -> list[Strand]:
        """Plans what comes next of the strands that are through with their tokens."""
        ended = []
        seen = {sequence for position in batch for sequence in position.sequences}
        for sequence in sorted(seen - {_TRUNK}):
            active = self._active[sequence]
            strand = active.strand
            if active.done < len(strand.tokens):
                continue
            active.path = []
            further = strand.more()
            if further and len(strand.tokens) + len(further) > self._model.context_size:
                strand.cut()
                further = ()
            if not further:
                self._retire(active)
                ended.append(strand)
                continue
            for token in further:
                place = len(strand.tokens)
                readers = [active] if place >= strand.unread else []
                self._next.append(Position(token, place, [sequence], readers, active))
                strand.tokens.append(token)
        return ended

    def _room(self) -> int:
        """Free tokens of the cache, less what answers under way are sure to need."""
        held = len(self._trunk) + len(self._next)
        for active in self._active.values():
            held += active.own + _reserve(active.strand)
        return self._model.context_size - held

    def _make_room(self) -> list[Strand]:
        """Sends the strand admitted last back into the line; one alone loses the trunk instead."""
        if len(self._active) > 1:
            active = next(reversed(self._active.values()))
            self._retire(active)
            self.add([active.strand])
            return []
        if len(self._trunk):
            for position in self._prompts:
                if _TRUNK in position.sequences:
                    position.sequences.remove(_TRUNK)
            self._prompts = deque(p for p in self._prompts if p.sequences)
            self._model.keep(_TRUNK, 0)
            self._trunk = self._trunk[:0]
            return []
        (active,) = self._active.values()
        active.strand.cut()
        self._retire(active)
        return [active.strand]

    def _retire(self, active: _Active) -> None:
        """Takes a strand's sequence back; what others share of it stays."""
        del self._active[active.sequence]
        self._next = deque(p for p in self._next if p.owner is not active)
        if active.path:
            for position in self._prompts:
                if active.sequence in position.sequences:
                    position.sequences.remove(active.sequence)
                if active in position.readers:
                    position.readers.remove(active)
                if position.owner is active:
                    sharing = [s for s in position.sequences if s != _TRUNK]
                    position.owner = self._active[sharing[0]] if sharing else None
            self._prompts = deque(p for p in self._prompts if p.sequences)
        self._model.keep(active.sequence, 0)
        self._free.append(active.sequence)

    def _fail(self, error: BackendError) -> list[Strand]:
        """Fails everything under way, and begins with an empty cache."""
        failed = [active.strand for active in self._active.values()]
        for strand in failed:
            strand.error = error
        self._free.extend(self._active)
        self._active.clear()
        self._next.clear()
        self._prompts.clear()
        self._trunk = self._trunk[:0]
        self._model.forget()
        return failed


def _reserve(strand: Strand) -> int:
    return min(strand.limit, _RESERVE) if strand.writes else 0


def _alike(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """How many first elements are equal."""
    count = min(len(one), len(other))
    differing = np.flatnonzero(one[:count] != other[:count])
    return int(differing[0]) if len(differing) else count
