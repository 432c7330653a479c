"""A zoo of lines, and what a viewer sees behind each: judged at the boundary of the worker.

RTCP goes in, datagrams come out; the switch and the feedback are the worker's own. So it outlives what it
judges: `python -m tests.zoo` runs it, and tells two trees apart, by seeds and with bootstrap intervals.
"""
