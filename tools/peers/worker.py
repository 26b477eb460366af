"""What the peers' programs share: they answer requests, one line of JSON each, with times in milliseconds."""
import json
import os
import resource
import sys
import time


def timed(function):
    """The milliseconds that a call takes, and its result."""
    start = time.perf_counter()
    result = function()
    return 1e3 * (time.perf_counter() - start), result


def serve(versions, answer):
    """Answers requests from standard input until it ends. `answer` gets a request and returns {name: milliseconds}.

    Whatever libraries print goes to standard error. Peak memory is that of the process so far, in bytes.
    """
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)

    def say(values):
        print(json.dumps(values), file=out, flush=True)
    say({'versions': versions})
    for line in sys.stdin:
        say({'ms': answer(json.loads(line)), 'peak_bytes': 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss})
