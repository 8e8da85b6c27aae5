"""`errorbar survey …`, one file for each command: parse, call the verb, print."""

from errorbar.app.cli.group import new_group
from errorbar.app.cli.survey import calibrate, detect, fit, plan, pool, report, run, synth

__all__ = ["app"]

app = new_group("Which targets, and how many, measure a mass-metallicity trend?")
app.command(epilog=run.EXAMPLES)(run.run)
app.command(epilog=synth.EXAMPLES)(synth.synth)
app.command(epilog=fit.EXAMPLES)(fit.fit)
app.command(epilog=pool.EXAMPLES)(pool.pool)
app.command(epilog=plan.EXAMPLES)(plan.plan)
app.command(epilog=detect.EXAMPLES)(detect.detect)
app.command(epilog=calibrate.EXAMPLES)(calibrate.calibrate)
app.command(epilog=report.EXAMPLES)(report.report)
