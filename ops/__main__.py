"""``python -m ops``: the command line without its script, as the supervisor starts its children."""

from ops.cli.main import main

main()
