"""Lab 8. Batching: how to serve many at once?

Request, Event     what is asked, and what happens to it
Engine             serves requests step by step, with parts that can be handed in
Scheduler          who computes how much in the next step; it knows numbers only
plan_step, preempt the two parts of it that a learner writes
Pages, Slots       what an engine runs on: pages for decoders, rows for other models
Batches, Window    requests that wait for company and leave as one batch

static             one batch after another, until its last request has ended
dynamic            batches that leave when they are full or have waited enough
plans, orders      what one step does; whose turn it is; invariants: what a plan keeps
engine, memory     the parts that know the model; pages and slots, the two memories
choosing           a token for each row of a batch
watching           counters of an engine, and each of its steps
padding            prompts of unequal length in one tensor, and what that wastes
files, answering   requests and answers in files, as OpenAI's batch API has them
arrivals, replay   load, and playing it to a server, in real or simulated time
queueing           what theory says of the waits
quantities         name and unit of the facts of this lab

An answer depends on its request alone, whoever is served beside it.
"""

from llmlab.batching import (
    arrivals,
    dynamic,
    orders,
    padding,
    plans,
    quantities,
    queueing,
    replay,
    static,
)
from llmlab.batching.dynamic import Batches, Window
from llmlab.batching.engine import Engine
from llmlab.batching.memory import Pages, Slots
from llmlab.batching.plans import Row, plan_step, preempt
from llmlab.batching.requests import Event, Request
from llmlab.batching.scheduler import Scheduler
from llmlab.core import faces

__all__ = [
    "Batches",
    "Engine",
    "Event",
    "Pages",
    "Request",
    "Row",
    "Scheduler",
    "Slots",
    "Window",
    "answering",
    "arrivals",
    "choosing",
    "dynamic",
    "engine",
    "files",
    "invariants",
    "memory",
    "orders",
    "padding",
    "pages",
    "plan_step",
    "plans",
    "preempt",
    "quantities",
    "queueing",
    "replay",
    "requests",
    "scheduler",
    "slots",
    "static",
    "watching",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
