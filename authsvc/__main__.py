"""`python -m authsvc` is the `authsvc` command."""

from authsvc.cli.main import main

main()
