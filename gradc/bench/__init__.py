"""Measuring gradc beside its competitors: `gradc bench EXPR`, and `python -m bench` on the collected workloads.

Answers are compared before anything is timed. First call, later calls and memory are measured apart; a control
without any competitor's code shows when the machine was disturbed; a ratio is the result.
"""

from gradc.bench.comparison import compare, measure
from gradc.bench.competitors import Competitor, chosen, register
from gradc.bench.report import Report
from gradc.bench.workload import Workload

__all__ = ["Competitor", "Report", "Workload", "chosen", "compare", "measure", "register"]
