from humandata.cli import app

app()
