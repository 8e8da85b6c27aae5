"""Reports of predicted retention times: one HTML page, one PDF."""

from errorbar.rt.pages.report import rt_report, write_rt_page, write_rt_pdf

__all__ = ["rt_report", "write_rt_page", "write_rt_pdf"]
