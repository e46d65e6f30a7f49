"""The reference pages that are made from the code: ``docs/configuration.md`` and ``docs/commands.md``."""
