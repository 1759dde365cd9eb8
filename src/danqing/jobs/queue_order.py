"""Order of the queue: the owners of jobs take turns, and a job can be moved by hand."""

from danqing.jobs.database import Connection


def next_turn(connection: Connection, owner: str) -> int:
    """Return the turn of an owner's next job: the owners take turns, however many jobs each of them has queued.

    It is the turn of the newest job that has started, or the one after the owner's last job if that is later.

    Source:
        Start-time fair queueing (Goyal, Vin, Cheng 1996) with equal weights and jobs of equal length.
    """
    started = connection.execute("SELECT max(turn) AS turn FROM jobs WHERE started_at IS NOT NULL").fetchone()
    counted = "owner = ? AND (state = 'queued' OR started_at IS NOT NULL)"
    own = connection.execute(f"SELECT turn FROM jobs WHERE {counted} ORDER BY turn DESC LIMIT 1", (owner,)).fetchone()
    latest = started["turn"] if started is not None and started["turn"] is not None else 0
    return max(latest, own["turn"] + 1 if own is not None else 0)


def move_in_queue(connection: Connection, id: str, place: int, *, owner: str | None) -> None:
    """Move a queued job among the queued jobs of an owner, which exchange their turns and positions; others keep theirs.

    Args:
        connection: the database of jobs, in a transaction.
        id: a job; one that is not queued, or not of this owner, is not moved.
        place: number of queued jobs of the owner that go first; a larger number than there are moves it to the end.
        owner: None for the jobs of all owners.
    """
    where, values = ("state = 'queued'", ()) if owner is None else ("state = 'queued' AND owner = ?", (owner,))
    sql = f"SELECT id, turn, queue_position FROM jobs WHERE {where} ORDER BY turn, queue_position"
    rows = connection.execute(sql, values).fetchall()
    ids, positions = [row["id"] for row in rows], [(row["turn"], row["queue_position"]) for row in rows]
    if id in ids:
        ids.remove(id)
        ids.insert(place, id)
        for moved, position in zip(ids, positions, strict=True):
            connection.execute("UPDATE jobs SET turn = ?, queue_position = ? WHERE id = ?", (*position, moved))
