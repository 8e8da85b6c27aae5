"""`errorbar rt …`, one file for each command: parse, call the verb, print."""

from errorbar.app.cli.group import new_group
from errorbar.app.cli.rt import evaluate, predict, prepare, reproduce, study, synth, train

__all__ = ["app"]

app = new_group("When does a compound elute in this species and this run, and how sure are we?")
app.command(epilog=synth.EXAMPLES)(synth.synth)
app.add_typer(prepare.app, name="prepare")
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.add_typer(study.app, name="study")
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)
