"""What the contenders in Python share: they do what the parent asks, one line of JSON on standard input each (src/work.ts has the
shapes), and answer on file descriptor 3.
"""
import json
import os
import pathlib
import re
import resource
import sys
import time
import traceback


def peak_memory():
    """In bytes. `getrusage` would begin with what the parent held when it started this process."""
    status = pathlib.Path('/proc/self/status')
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
    return int(re.search(r'VmHWM:\s*(\d+) kB', status.read_text()).group(1)) * 1024


def sample(run):
    cpu, started = time.process_time(), time.perf_counter()
    value = run()
    ms = (time.perf_counter() - started) * 1000
    return {'ms': ms, 'cpuMs': (time.process_time() - cpu) * 1000, 'value': value}


def serve(make):
    """Serves what `make` makes of an assignment: it has `run`, which gives a number, and `describe`."""
    replies = os.fdopen(3, 'w', buffering=1)
    contender = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request['type'] == 'open':
                contender = None
                contender = make(request['assignment'])
                result = {}
            else:
                result = sample(contender.run) if request['type'] == 'step' else contender.describe()
            reply = {'result': result}
        except Exception:
            reply = {'error': traceback.format_exc()}
        replies.write(json.dumps(reply) + '\n')
