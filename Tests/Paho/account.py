"""Compares what a receiver has with what was ever durable.

account.py RECEIVED [DUMP...]
    RECEIVED is the file of receiver.py, each DUMP what "weir journal dump FILE --all" said at some
    moment. Prints one JSON object; `good` is false when anything that was durable is missing, came
    as two different things, or came as something else than the journal held.
"""

import json
import sys


def received(path):
    """The content of each identity, and how many came again, the same or not."""
    seen, duplicates, conflicts = {}, 0, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break
            if line.startswith("usual/"):
                continue
            device, epoch, sequence, content = line.rstrip("\n").split("\t")
            identity = (int(epoch), int(sequence))
            first = seen.setdefault(identity, (device, content))
            if first is not None and first == (device, content):
                duplicates += 1
            else:
                conflicts.append((identity, first, (device, content)))
    # Each identity was counted once at its first delivery.
    return seen, duplicates - len(seen), conflicts


def durable(paths):
    """The events that the journals held, and their gaps."""
    events, gaps, conflicts = {}, [], []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                if "gap" in record:
                    gaps.append(record)
                    continue
                identity = (record["epoch"], record["seq"])
                content = (record.get("value"), record.get("rseq"), record.get("kind"))
                if events.setdefault(identity, content) != content:
                    conflicts.append((identity, events[identity], content))
    return events, gaps, conflicts


def differs(content, event):
    """Whether the record is not what the journal holds of it."""
    value, reading, kind = event
    record = json.loads(content)
    if kind != "value":
        return False
    if record.get("rseq") != reading:
        return True
    return "v" in record and abs(record["v"] - value) > 1e-6 * max(1, abs(value))


def holes(identities):
    """Numbers that nothing has, between the first, 0, and the last of each epoch."""
    last, count = {}, {}
    for epoch, sequence in identities:
        last[epoch] = max(last.get(epoch, 0), sequence)
        count[epoch] = count.get(epoch, 0) + 1
    return sum(last[epoch] + 1 - count[epoch] for epoch in last)


def main():
    seen, duplicates, conflicts = received(sys.argv[1])
    events, gaps, stored_twice = durable(sys.argv[2:])
    lost = sorted(identity for identity in events if identity not in seen)
    different = [
        (identity, seen[identity][1], event)
        for identity, event in events.items()
        if identity in seen and differs(seen[identity][1], event)
    ]
    faults = {"lost": lost, "conflicts": conflicts, "different": different,
              "stored_twice": stored_twice}
    summary = {
        "good": not any(faults.values()),
        "durable": len(events),
        "received": len(seen),
        "duplicates": duplicates,
        "durable_holes": holes(events),
        "received_holes": holes(seen),
        "epochs": len({epoch for epoch, _ in events}),
        "last_epoch": max((epoch for epoch, _ in events), default=0),
        "gaps": len(gaps),
    }
    for name, found in faults.items():
        summary[name] = len(found)
    summary["examples"] = [str(item) for found in faults.values() for item in found[:5]]
    summary["examples"] += [json.dumps(gap) for gap in gaps[:3]]
    print(json.dumps(summary))


main()
