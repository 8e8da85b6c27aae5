"""Where the systems meet a person: settings, verbs, the command line."""
