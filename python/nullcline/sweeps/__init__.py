"""Sweeps: many jobs, each known by its content and done once, with one table of results."""

from nullcline.sweeps.grid import job_grid
from nullcline.sweeps.job import Job, JobOutput
from nullcline.sweeps.page import Section
from nullcline.sweeps.results import JobResult, SweepResult
from nullcline.sweeps.sweeping import sweep

__all__ = ["Job", "JobOutput", "JobResult", "Section", "SweepResult", "job_grid", "sweep"]
