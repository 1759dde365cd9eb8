"""Progress bar of `danqing.create`, in terminals and in notebooks."""

import sys
from collections.abc import Iterator

from danqing.events import Event, Started, Stepped, Upscaled


def with_progress_bar(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of a run unchanged, with a progress bar of its steps on stderr, which disappears at the end.

    Nothing is shown if stderr is neither a terminal nor the output of a notebook.
    """
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        yield from events
        return
    from tqdm.auto import tqdm

    steps = 0  # of a batch
    with tqdm(leave=False, dynamic_ncols=True) as bar:
        for event in events:
            match event:
                case Started():
                    bar.set_description(event.model)
                    steps = event.steps
                    bar.reset(steps * event.request.n_batches)
                case Stepped():
                    bar.n = round(event.batches_done * steps)
                    bar.refresh()
                case Upscaled():
                    bar.set_postfix_str(f"tiles={event.tile}/{event.tiles}")
                case _:
                    pass
            yield event
